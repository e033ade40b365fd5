import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryDirectory } from '../cluster/paths.ts';
import { threats } from './securitymodel.ts';

test('the threat model has rows, and each names tests that hold it', () => {
  const all = threats();
  expect(all.length).toBeGreaterThan(25);
  const without = all.filter(({ threat, holds, shownBy }) => !threat || !holds || shownBy.length === 0);
  expect(without).toEqual([]);
});

test.each(threats().flatMap(({ threat, shownBy }) => shownBy.map((shown) => ({ threat, ...shown }))))(
  '$threat: $title',
  ({ file, title }) => {
    const path = join(repositoryDirectory, file);
    expect(existsSync(path), `${file} does not exist`).toBe(true);
    expect(file).toMatch(/\.test\.ts$/);
    // As a title is written in the source.
    const source = readFileSync(path, 'utf8');
    const quoted = ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote}`));
    expect(quoted, `${file} has no test "${title}"`).toBe(true);
  },
);
