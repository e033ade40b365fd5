import { chmod, link, mkdir, mkdtemp, readdir, rm, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { LedgerHome } from '../../../exporter/ledger/home.ts';
import { digestsOf } from '../../../exporter/ledger/testkit.ts';
import { volumeHome } from '../../../exporter/ledger/volume.ts';
import { run } from '../../cluster/run.ts';
import { nameOf, type Place } from './homes.ts';
import { runParty } from './process.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, link: vi.fn(real.link), readdir: vi.fn(real.readdir) };
});

const uid = 'a-uid';
const hourMs = 3_600_000;
const head = (text: string): Buffer => Buffer.from(text);

async function directoryFor(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'segmentexport-volume-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A file system of its own, 1 MiB large. */
async function smallVolume(): Promise<string> {
  const directory = await directoryFor();
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'segmentexport-test', directory]);
  onTestFinished(async () => {
    await run('umount', [directory]);
  });
  return directory;
}

const partOf = (directory: string, part: string): string => join(directory, 'exports', uid, part);

/** Swaps `count` heads, one upon the other. */
async function write(home: LedgerHome, count: number): Promise<string | undefined> {
  let tag = (await home.readHead())?.tag;
  for (let index = 0; index < count; index++) {
    tag = await home.swapHead(head(`${tag ?? ''} and ${index}`), tag);
  }
  return tag;
}

/** Makes all that is there look as if it were of the day before. */
async function age(directory: string): Promise<void> {
  const yesterday = new Date(Date.now() - 25 * hourMs);
  for (const name of await readdir(directory)) await utimes(join(directory, name), yesterday, yesterday);
}

test('a volume that is full is told as such, keeps what it has, and goes on when there is room again', async () => {
  const directory = await smallVolume();
  const home = volumeHome(directory, uid);
  const tag = await home.swapHead(head('first'), undefined);
  await writeFile(join(directory, 'somebody-elses'), Buffer.alloc(1000 * 1024));
  const full = { reason: 'LedgerFull' };
  await expect(home.writeSet('a', Buffer.alloc(64 * 1024))).rejects.toMatchObject(full);
  await expect(home.swapHead(Buffer.alloc(64 * 1024), tag)).rejects.toMatchObject(full);
  expect(await home.readHead()).toEqual({ bytes: head('first'), tag });
  expect(await home.listSets()).toEqual([]);
  expect(await readdir(partOf(directory, 'tmp'))).toEqual([]);
  await unlink(join(directory, 'somebody-elses'));
  expect(await home.swapHead(head('second'), tag)).toBeDefined();
});

test('a volume that is full from the start is told as such', async () => {
  const directory = await smallVolume();
  await writeFile(join(directory, 'somebody-elses'), Buffer.alloc(1024 * 1024)).catch(() => undefined);
  await expect(volumeHome(directory, uid).probe()).rejects.toMatchObject({ reason: 'LedgerFull' });
});

test('a volume that is read-only is told as such, and can be read', async () => {
  const directory = await smallVolume();
  const home = volumeHome(directory, uid);
  const tag = await home.swapHead(head('first'), undefined);
  await home.writeSet('a', digestsOf(1));
  await run('mount', ['-o', 'remount,ro', directory]);
  const readOnly = { reason: 'LedgerReadOnly' };
  for (const each of [home, volumeHome(directory, uid), volumeHome(directory, 'another')]) {
    await expect(each.swapHead(head('second'), tag)).rejects.toMatchObject(readOnly);
    await expect(each.writeSet('b', digestsOf(1))).rejects.toMatchObject(readOnly);
    await expect(each.probe()).rejects.toMatchObject(readOnly);
  }
  await expect(home.removeSet('a')).rejects.toMatchObject(readOnly);
  expect((await home.readHead())?.bytes).toEqual(head('first'));
  expect(await home.readSet('a', 32)).toHaveLength(32);
});

test('a volume that is not mounted is no empty ledger', async () => {
  const directory = join(await directoryFor(), 'not-there');
  const home = volumeHome(directory, uid);
  const away = { reason: 'LedgerUnavailable' };
  await expect(home.readHead()).rejects.toMatchObject(away);
  await expect(home.readSet('a', 32)).rejects.toMatchObject(away);
  await expect(home.swapHead(head('first'), undefined)).rejects.toMatchObject(away);
  await expect(home.writeSet('a', digestsOf(1))).rejects.toMatchObject(away);
  await expect(home.probe()).rejects.toMatchObject(away);
  await expect(home.destroy()).rejects.toMatchObject(away);
  await writeFile(directory, 'a file where the volume should be');
  await expect(home.readHead()).rejects.toMatchObject(away);
});

test('a volume that the pod may not use is told as such', async () => {
  const directory = await directoryFor();
  const place: Place = {
    ledger: { volume: {}, resyncEveryHours: 720 },
    export: nameOf(uid),
    ledgerDirectory: directory,
    credentialsDirectory: '/does-not-exist',
  };
  await volumeHome(directory, uid).swapHead(head('first'), undefined);
  const asNobody = { heedsPermissions: true };
  await chmod(directory, 0o555);
  await chmod(partOf(directory, 'tmp'), 0o555);
  expect(await runParty(place, ['try', 'readHead'], asNobody)).toBe('ok');
  expect(await runParty(place, ['try', 'writeSet'], asNobody)).toBe('LedgerForbidden {}');
  expect(await runParty(place, ['try', 'probe'], asNobody)).toBe('LedgerForbidden {}');
  await chmod(partOf(directory, 'heads'), 0o000);
  expect(await runParty(place, ['try', 'readHead'], asNobody)).toBe('LedgerForbidden {}');
  await chmod(partOf(directory, 'heads'), 0o755);
});

test.each(['EPERM', 'EOPNOTSUPP', 'EMLINK'])('a volume without hard links (%s) is not used', async (code) => {
  const { errno } = (await import('node:os')).constants;
  const error = Object.assign(new Error(code), { code, errno: -errno[code as keyof typeof errno] });
  vi.mocked(link).mockRejectedValueOnce(error);
  await expect(volumeHome(await directoryFor(), uid).probe()).rejects.toMatchObject({
    reason: 'LedgerNotUsable',
    details: { code: 'no-hard-links' },
  });
});

test('a volume on which a link replaces what is there is not used', async () => {
  vi.mocked(link).mockResolvedValueOnce().mockResolvedValueOnce();
  await expect(volumeHome(await directoryFor(), uid).probe()).rejects.toMatchObject({
    reason: 'LedgerNotUsable',
    details: { code: 'link-replaces' },
  });
});

test('a link whose reply was lost is recognised as our own', async () => {
  const home = volumeHome(await directoryFor(), uid);
  const { link: real } = await vi.importActual<typeof import('node:fs/promises')>('node:fs/promises');
  // As a network file system does: the call is sent again, and finds what the first one did.
  vi.mocked(link).mockImplementationOnce(async (from, to) => {
    await real(from, to);
    await real(from, to);
  });
  expect(await home.swapHead(head('first'), undefined)).toBeDefined();
});

test('former heads and files of killed processes go after an hour, the head and the one before it never', async () => {
  const directory = await directoryFor();
  await write(volumeHome(directory, uid), 5);
  await writeFile(join(partOf(directory, 'tmp'), 'left-behind'), 'half a set');
  const home = volumeHome(directory, uid);
  await write(home, 1);
  expect(await readdir(partOf(directory, 'heads'))).toHaveLength(6);
  expect(await readdir(partOf(directory, 'tmp'))).toEqual(['left-behind']);
  await age(partOf(directory, 'heads'));
  await age(partOf(directory, 'tmp'));
  await write(volumeHome(directory, uid), 1);
  expect(await readdir(partOf(directory, 'heads'))).toEqual(['000000000006.json', '000000000007.json']);
  expect(await readdir(partOf(directory, 'tmp'))).toEqual([]);
});

test('one that slept until its number was free again is not believed, and neither does it believe so', async () => {
  const directory = await directoryFor();
  const sleeper = volumeHome(directory, uid);
  const stale = await write(sleeper, 2);
  const home = volumeHome(directory, uid);
  await write(home, 4);
  await age(partOf(directory, 'heads'));
  const newest = await write(volumeHome(directory, uid), 1);
  expect(await readdir(partOf(directory, 'heads'))).not.toContain('000000000003.json');
  expect(await sleeper.swapHead(head('from long ago'), stale)).toBeUndefined();
  expect((await home.readHead())?.tag).toBe(newest);
  expect(await home.swapHead(head('the next'), newest)).toBeDefined();
});

test('one that slept until the ledger was removed does not bring it back', async () => {
  const directory = await directoryFor();
  const sleeper = volumeHome(directory, uid);
  const stale = await write(sleeper, 2);
  await volumeHome(directory, uid).destroy();
  for (const part of ['heads', 'sets', 'tmp']) await mkdir(partOf(directory, part), { recursive: true });
  expect(await sleeper.swapHead(head('from long ago'), stale)).toBeUndefined();
  expect(await volumeHome(directory, uid).readHead()).toBeUndefined();
});

test('a head that is removed between the look and the reading is looked for again', async () => {
  const home = volumeHome(await directoryFor(), uid);
  await write(home, 3);
  const stale = ['000000000009.json'] as unknown as Awaited<ReturnType<typeof readdir>>;
  vi.mocked(readdir).mockResolvedValueOnce(stale);
  expect((await home.readHead())?.tag).toBe('3');
  vi.mocked(readdir).mockResolvedValue(stale);
  await expect(home.readHead()).rejects.toMatchObject({ reason: 'LedgerUnavailable' });
  vi.mocked(readdir).mockReset();
});

test('readers find a head at any moment while writers remove former ones', async () => {
  const directory = await directoryFor();
  await write(volumeHome(directory, uid), 3);
  let isWriting = true;
  const writer = (async () => {
    for (let round = 0; round < 40; round++) {
      await age(partOf(directory, 'heads'));
      await write(volumeHome(directory, uid), 1);
    }
    isWriting = false;
  })();
  const reader = (async () => {
    let last = 0;
    while (isWriting) {
      const found = await volumeHome(directory, uid).readHead();
      expect(Number(found?.tag)).toBeGreaterThanOrEqual(last);
      last = Number(found?.tag);
    }
    return last;
  })();
  await writer;
  expect(await reader).toBeGreaterThan(3);
});

test('what others put into the directory is no set and no head', async () => {
  const directory = await directoryFor();
  const home = volumeHome(directory, uid);
  const tag = await home.swapHead(head('first'), undefined);
  for (const name of ['notes.txt', '000000000002.json.bak', '9.json']) {
    await writeFile(join(partOf(directory, 'heads'), name), 'x');
    await writeFile(join(partOf(directory, 'sets'), name), 'x');
  }
  expect(await home.readHead()).toEqual({ bytes: head('first'), tag });
  expect(await home.listSets()).toEqual([]);
  await expect(home.readSet('../heads/000000000001.json', 5)).rejects.toThrow(TypeError);
});
