import { describe, expect, test } from 'vitest';
import { documentTable } from '../documenttable.ts';
import { elsewhere, leftOut, toldOnNode } from './nodelevel.ts';

describe.each(['Before a run', 'Runs', 'Bad times', 'Connections'])('docs/states.md, %s', (heading) => {
  test('has no row that is neither reached on a real node nor left out with a reason, and none is in two places', () => {
    const told = toldOnNode.flatMap(([of, , stories]) => (of === heading ? Object.keys(stories) : []));
    const { rows } = documentTable('docs/states.md', heading);
    expect([...told, ...elsewhere(heading)].toSorted()).toEqual([...rows.keys()].toSorted());
  });
});

test('what is told on a node needs a controller, as the one on the node is always there', () => {
  const without = toldOnNode.flatMap(([, , stories]) =>
    Object.entries(stories).flatMap(([name, story]) => (story.without === undefined ? [] : [name])),
  );
  expect(without).toEqual([]);
});

test('the reason why a row is left out is a sentence', () => {
  const reasons = Object.values(leftOut).flatMap((rows) => Object.values(rows));
  for (const reason of reasons) expect(reason).toMatch(/^[A-Z].* .*\.$/);
});
