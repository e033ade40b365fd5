import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { documentTable } from '../../support/documenttable.ts';
import { columns } from '../../support/states/row.ts';
import { badTimes } from './badtimes.ts';
import { beforeRun } from './beforerun.ts';
import { connections } from './connections.ts';
import { deletions } from './deletions.ts';
import { type Ground, openGround } from './ground.ts';
import { pooled } from './pool.ts';
import { refusals } from './refusals.ts';
import { runs } from './runs.ts';
import { nothingSeen, type Row, rowsOf, type StoryTable, Teller } from './teller.ts';

/**
 * Every row of docs/states.md is reached on a real API server, by the real controller and exporter, and compared with
 * what is seen. Each has a namespace of its own; all begin when the controller does, and each test waits for its row.
 */

const tables: StoryTable[] = [
  ['Before a run', 'CriteoSegmentExport', beforeRun],
  ['Runs', 'CriteoSegmentExport', runs],
  ['Bad times', 'CriteoSegmentExport', badTimes],
  ['Connections', 'CriteoConnection', connections],
];
const unreadable = 'Before a run: stored under another version of the CRD, and unreadable';
const rows = rowsOf(tables);

let ground: Ground;
let teller: Teller;
const seen = new Map<string, Promise<string[]>>();

beforeAll(async () => {
  const others = [...Object.keys(deletions), 'refusals'].map((name) => [name, undefined] as const);
  const shops = rows.map(({ key, story }) => [key, story.sandbox] as const);
  ground = await openGround(new Map([...shops, ...others]), unreadable);
  teller = new Teller(ground.window, ground.shops);
  for (const row of rows.filter(({ story }) => story.without === 'ControllerYet')) {
    seen.set(row.key, teller.reached(row, nothingSeen));
    await seen.get(row.key)?.catch(() => undefined);
  }
  await ground.start();
  begin();
}, 180_000);
afterAll(() => ground?.[Symbol.asyncDispose]());

/** What needs a controller, and then what needs that there is none any more. */
function begin(): void {
  const withController = rows.filter(({ story }) => story.without === undefined);
  const told = (row: Row): Promise<string[]> => teller.told(row);
  // Each starts programs; those that only wait do so beside the others.
  const busy = pooled(
    withController.filter(({ story }) => !story.waits),
    6,
    told,
  );
  const waiting = pooled(
    withController.filter(({ story }) => story.waits),
    20,
    told,
  );
  for (const [row, result] of [...busy, ...waiting]) seen.set(row.key, result);
  for (const [name, result] of pooled(Object.keys(deletions), 2, (name) => teller.deleted(name))) {
    seen.set(name, result);
  }
  const later = rows.filter(({ story }) => story.without === 'ControllerAnyMore');
  const prepared = pooled(later, 2, (row) => teller.prepared(row));
  const stopped = Promise.allSettled([...seen.values(), ...prepared.values()]).then(() => ground.stop());
  for (const [row, result] of pooled(later, 2, async (row) => {
    await stopped;
    return await teller.reached(row, (await prepared.get(row)) ?? nothingSeen);
  })) {
    seen.set(row.key, result);
  }
}

describe.each(tables)('docs/states.md, %s', (heading, kind, stories) => {
  const { columns: headings, rows: document } = documentTable('docs/states.md', heading);

  test('has the states of this test', () => {
    expect(headings).toEqual(columns[kind]);
    expect([...document.keys()]).toEqual(Object.keys(stories));
  });

  test.each(Object.keys(stories))('%s', { timeout: 300_000 }, async (name) => {
    expect(await seen.get(`${heading}: ${name}`)).toEqual(document.get(name));
  });
});

describe('docs/states.md, When it is deleted', () => {
  const { rows: document } = documentTable('docs/states.md', 'When it is deleted');

  test('has the states of this test', () => {
    expect([...document.keys()]).toEqual(Object.keys(deletions));
  });

  test.each(Object.keys(deletions))('%s', { timeout: 300_000 }, async (name) => {
    expect(await seen.get(name)).toEqual(document.get(name));
  });
});

describe('docs/states.md, Refused when it is applied', () => {
  const { rows: document } = documentTable('docs/states.md', 'Refused when it is applied');

  test('has the refusals of this test', () => {
    expect([...document.keys()]).toEqual(Object.keys(refusals));
  });

  test.each(Object.keys(refusals))('%s', async (name) => {
    const shop = teller.shop('refusals');
    const object = JSON.stringify(refusals[name]?.(shop));
    const [says = ''] = document.get(name) ?? [];
    await expect(shop.kubectl(['apply', '-f', '-'], object)).rejects.toThrow(says);
  });
});
