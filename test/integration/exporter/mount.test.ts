import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Mount } from '../../../exporter/source/files/mount.ts';
import type { StoredEntry, StoredFile } from '../../../exporter/source/files/store.ts';
import { never } from '../../../exporter/testkit.ts';

let top: string;
/** Where the claim is mounted; beside it lies what no source may reach. */
const at = (path: string): string => join(top, 'source', path);

beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'segmentexport-mount-'));
  await mkdir(at(''));
  await writeFile(join(top, 'secret.csv'), 'secret');
});

afterEach(async () => {
  await rm(top, { recursive: true });
});

async function write(path: string, text = 'text'): Promise<void> {
  await mkdir(dirname(at(path)), { recursive: true });
  await writeFile(at(path), text);
}

async function fileAt(path: string): Promise<StoredFile> {
  const found = await new Mount(at('')).find(path, never);
  if (found === undefined || found === 'Directory') throw new Error(`${path} is no file`);
  return found;
}

async function textOf(file: StoredFile): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of file.read(never)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

async function entriesOf(path: string): Promise<StoredEntry[]> {
  const entries: StoredEntry[] = [];
  for await (const entry of new Mount(at('')).list(path, never)) entries.push(entry);
  return entries.sort((one, other) => (one.name < other.name ? -1 : 1));
}

describe('a file', () => {
  test('is found with its size and time, and read, whole or in part', async () => {
    await write('a/x.csv', 'å'.repeat(300_000));
    await utimes(at('a/x.csv'), 0, 1_790_000_000.5);
    const file = await fileAt('a/x.csv');
    expect([file.size, file.modifiedAt]).toEqual([600_000, 1_790_000_000_500]);
    expect(await textOf(file)).toBe('å'.repeat(300_000));
    expect((await file.slice(2, 6, never)).toString()).toBe('åå');
    expect(await file.slice(600_000, 600_010, never)).toHaveLength(0);
  });

  test.each([
    ['was written to', () => writeFile(at('x.csv'), 'more', { flag: 'a' })],
    ['was replaced by another of the same size and time', replace],
    ['was cut off', () => truncate(at('x.csv'), 1)],
    ['is gone', () => rm(at('x.csv'))],
  ])('that %s since it was found has changed', async (_, change) => {
    await write('x.csv');
    await utimes(at('x.csv'), 0, 0);
    const file = await fileAt('x.csv');
    await change();
    await expect(textOf(file)).rejects.toMatchObject({ reason: 'SourceChanged' });
    await expect(file.slice(0, 4, never)).rejects.toMatchObject({ reason: 'SourceChanged' });
  });

  async function replace(): Promise<void> {
    await write('y.csv', 'else');
    await utimes(at('y.csv'), 0, 0);
    await rename(at('y.csv'), at('x.csv'));
  }

  test('that is written to while it is read has changed', async () => {
    await write('x.csv', 'x'.repeat(1_000_000));
    const file = await fileAt('x.csv');
    const reading = async (): Promise<void> => {
      let isFirst = true;
      for await (const _ of file.read(never)) {
        if (isFirst) await writeFile(at('x.csv'), 'more', { flag: 'a' });
        isFirst = false;
      }
    };
    await expect(reading()).rejects.toMatchObject({ reason: 'SourceChanged' });
  });

  test('that was replaced while it is read is read to the end as it was', async () => {
    await write('x.csv', 'x'.repeat(1_000_000));
    const file = await fileAt('x.csv');
    let text = '';
    for await (const chunk of file.read(never)) {
      if (text === '') {
        await write('y.csv', 'other');
        await rename(at('y.csv'), at('x.csv'));
      }
      text += chunk.toString();
    }
    expect(text).toBe('x'.repeat(1_000_000));
  });
});

test('what is not there is not found, and lists as nothing', async () => {
  await write('x.csv');
  for (const path of ['y', 'x.csv/z', 'a\0b', 'n'.repeat(300)]) {
    expect(await new Mount(at('')).find(path, never)).toBeUndefined();
    expect(await entriesOf(path)).toEqual([]);
  }
  expect(await entriesOf('x.csv')).toEqual([]);
});

test.each(['../secret.csv', 'a/../../secret.csv', '..', 'link', 'linked/secret.csv'])(
  '%s leads out and is refused',
  async (path) => {
    await symlink('../secret.csv', at('link'));
    await symlink('..', at('linked'));
    await expect(new Mount(at('')).find(path, never)).rejects.toMatchObject({ reason: 'SourceUnreadable' });
  },
);

test('links inside are followed, also those to directories', async () => {
  await write('..2026_11_22/x.csv');
  await symlink('..2026_11_22', at('..data'));
  await symlink('..data/x.csv', at('x.csv'));
  await symlink('..data', at('lists'));
  expect(await textOf(await fileAt('x.csv'))).toBe('text');
  expect((await entriesOf('lists/')).map(({ kind, name }) => [kind, name])).toEqual([['File', 'x.csv']]);
  expect((await entriesOf('.')).map(({ kind, name }) => [kind, name])).toEqual([
    ['Directory', '..2026_11_22'],
    ['Directory', '..data'],
    ['Directory', 'lists'],
    ['File', 'x.csv'],
  ]);
});

test('what may not be read fails when it is, and not in a list with others', async () => {
  await write('d/good.csv');
  await symlink('../../secret.csv', at('d/out.csv'));
  await symlink('gone.csv', at('d/nothing.csv'));
  execFileSync('mkfifo', [at('d/pipe.csv')]);
  await mkdir(at('d/lost+found'));
  const entries = await entriesOf('d');
  expect(entries.map(({ name }) => name)).toEqual(['good.csv', 'out.csv', 'pipe.csv']);
  for (const entry of entries) {
    const reading = entry.kind === 'File' ? textOf(entry.file) : undefined;
    if (entry.name === 'good.csv') expect(await reading).toBe('text');
    else await expect(reading).rejects.toMatchObject({ reason: 'SourceUnreadable' });
  }
});
