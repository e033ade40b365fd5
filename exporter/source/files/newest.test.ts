import { describe, expect, test } from 'vitest';
import type { Newest } from '../../../api/rundocument.ts';
import { fakeClock, never } from '../../testkit.ts';
import { type MemoryFiles, memoryStore } from './memorystore.ts';
import { findNewest } from './newest.ts';

const clock = fakeClock();
/** So many seconds ago. */
const ago = (seconds: number): { modifiedAt: number } => ({ modifiedAt: clock.now() - seconds * 1000 });

/** The directory that was found, or when the file that was found was written, in seconds ago. */
async function newestOf(files: MemoryFiles, newest: Partial<Newest> = {}): Promise<string | number> {
  const place = await findNewest(
    memoryStore(files),
    { path: 'in', format: 'CSV', csv: { delimiter: 'Comma' } },
    { settleSeconds: 300, ...newest },
    clock,
    never,
  );
  return place.kind === 'Directory' ? place.path : (clock.now() - place.file.modifiedAt) / 1000;
}

describe('without a marker', () => {
  test('the file that was last written is taken, once it has settled', async () => {
    const files = {
      'in/a.csv': ago(900),
      'in/b.csv.gz': ago(300),
      'in/c.csv': ago(299),
      'in/d.csv': ago(600),
    };
    expect(await newestOf(files)).toBe(300);
    expect(await newestOf(files, { settleSeconds: 0 })).toBe(299);
    expect(await newestOf(files, { settleSeconds: 700 })).toBe(900);
  });

  test('a directory is as new as the newest of its files, one level below as well', async () => {
    const files = {
      'in/1/gold.csv': ago(1000),
      'in/1/silver/part-1.csv': ago(500),
      'in/2/gold.csv': ago(800),
      'in/3/gold.csv': ago(2000),
      'in/3/silver/part-1.csv': ago(10),
    };
    expect(await newestOf(files)).toBe('in/1');
  });

  test('a directory in which somebody is at work is not complete, whatever the file is called', async () => {
    const files = {
      'in/1/gold.csv': ago(5000),
      'in/2/gold.csv': ago(1000),
      'in/2/_temporary/0/x': ago(2000),
      'in/2/silver.csv.part': ago(1),
    };
    expect(await newestOf(files)).toBe('in/1');
  });

  test('what was written in the future is not complete', async () => {
    expect(await newestOf({ 'in/a.csv': ago(900), 'in/b.csv': ago(-4000) })).toBe(900);
  });

  test('of the same moment the name that comes last is taken', async () => {
    const files = { 'in/b/x.csv': ago(900), 'in/c/x.csv': ago(900), 'in/a/x.csv': ago(900) };
    expect(await newestOf(files)).toBe('in/c');
  });

  test('other files, unfinished ones, and directories without a table are none', async () => {
    const files = {
      'in/a.csv': ago(9000),
      'in/b.csv.tmp': ago(1000),
      'in/.c.csv': ago(1000),
      'in/_d/x.csv': ago(1000),
      'in/e.json': ago(1000),
      'in/logs/x.log': ago(1000),
      'in/empty/_temporary/x.csv': ago(1000),
    };
    expect(await newestOf(files)).toBe(9000);
  });
});

describe('with a marker', () => {
  test('a directory is complete that has it, however new', async () => {
    const files = {
      'in/1/x.csv': ago(900),
      'in/1/_SUCCESS': ago(900),
      'in/2/x.csv': ago(1),
      'in/2/_SUCCESS': ago(1),
      'in/3/x.csv': ago(0),
      'in/4/x.csv': ago(5000),
    };
    expect(await newestOf(files, { marker: '_SUCCESS' })).toBe('in/2');
  });

  test('a file is complete that has it behind its name beside it', async () => {
    const files = { 'in/a.csv': ago(900), 'in/a.csv.done': ago(0), 'in/b.csv': ago(1), 'in/.done': ago(1) };
    expect(await newestOf(files, { marker: '.done' })).toBe(900);
  });
});

test.each([
  ['an empty directory', { 'in/.keep': ago(9000) }, {}],
  ['one in which nothing has settled', { 'in/a.csv': ago(1) }, {}],
  ['one without the marker', { 'in/a.csv': ago(9000), 'in/b/x.csv': ago(9000) }, { marker: 'DONE' }],
])('of %s nothing is complete', async (_, files, newest) => {
  await expect(newestOf(files, newest)).rejects.toMatchObject({ reason: 'SourceIncomplete' });
});

test.each([
  ['is not there', {}],
  ['is a file', { in: ago(9000) }],
])('a directory that %s is not found', async (_, files) => {
  await expect(newestOf(files)).rejects.toMatchObject({ reason: 'SourceNotFound' });
});
