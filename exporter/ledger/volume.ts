import { randomUUID } from 'node:crypto';
import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../fault.ts';
import { fileFault, hasNoLinks } from './filefaults.ts';
import {
  linkExclusively,
  makeDirectory,
  modifiedAt,
  namesIn,
  readWhole,
  removeFile,
  syncDirectory,
  writeDurably,
} from './files.ts';
import type { LedgerHome, StoredHead } from './home.ts';
import { maxHeadBytes, setNamePattern } from './schema.ts';

const headName = /^([0-9]{12})\.json$/;
const setName = new RegExp(setNamePattern);
/** What is older than the newest head by more than this serves nobody: a former head, a file of a killed process. */
const oldMs = 3_600_000;
const maxReadings = 20;

/**
 * A ledger in a directory. Each version of the head is a file of its own, named by a number; the
 * highest is the head, and its number the tag. link(2) refuses a name that is taken, so of all who
 * would write the next number one succeeds, on network file systems too.
 * @param mount where the volume is mounted.
 */
export function volumeHome(mount: string, exportUid: string): LedgerHome {
  return new VolumeHome(mount, exportUid);
}

class VolumeHome implements LedgerHome {
  readonly #mount: string;
  readonly #exports: string;
  readonly #root: string;
  readonly #heads: string;
  readonly #sets: string;
  readonly #temporary: string;
  #isPrepared = false;
  #isTidy = false;

  constructor(mount: string, exportUid: string) {
    this.#mount = mount;
    this.#exports = join(mount, 'exports');
    this.#root = join(this.#exports, exportUid);
    this.#heads = join(this.#root, 'heads');
    this.#sets = join(this.#root, 'sets');
    this.#temporary = join(this.#root, 'tmp');
  }

  readHead(): Promise<StoredHead | undefined> {
    return withFaults(async () => {
      for (let reading = 0; reading < maxReadings; reading++) {
        const number = (await this.#numbers()).at(-1);
        if (number === undefined) return await this.#nothing();
        const bytes = await readWhole(this.#head(number), (length) => length <= maxHeadBytes);
        if (bytes) return { bytes, tag: String(number) };
        // Removed since it was listed, so there is a newer one.
      }
      throw new Fault('LedgerUnavailable');
    });
  }

  swapHead(bytes: Buffer, tag: string | undefined): Promise<string | undefined> {
    return withFaults(async () => {
      const number = tag === undefined ? 1 : Number(tag) + 1;
      await this.#prepare();
      if (!(await this.#place(bytes, this.#head(number)))) return undefined;
      if (!(await this.#follows(number))) return undefined;
      await this.#tidy(number);
      return String(number);
    });
  }

  writeSet(name: string, bytes: Uint8Array): Promise<void> {
    return withFaults(async () => {
      await this.#prepare();
      const temporary = join(this.#temporary, randomUUID());
      try {
        await writeDurably(temporary, bytes);
        await rename(temporary, this.#set(name));
      } catch (error) {
        await removeFile(temporary).catch(() => undefined);
        throw error;
      }
      await syncDirectory(this.#sets);
    });
  }

  readSet(name: string, length: number): Promise<Uint8Array | undefined> {
    return withFaults(
      async () => (await readWhole(this.#set(name), (size) => size === length)) ?? (await this.#nothing()),
    );
  }

  listSets(): Promise<string[]> {
    return withFaults(async () => (await namesIn(this.#sets)).filter((name) => setName.test(name)));
  }

  removeSet(name: string): Promise<void> {
    return withFaults(async () => {
      await removeFile(this.#set(name));
    });
  }

  probe(): Promise<void> {
    return withFaults(async () => {
      await this.#prepare();
      const file = join(this.#temporary, `probe-${randomUUID()}`);
      const second = `${file}-link`;
      try {
        await writeDurably(file, Buffer.from('a probe\n'));
        await proveLinks(file, second);
      } finally {
        for (const path of [file, second]) await removeFile(path).catch(() => undefined);
      }
    });
  }

  destroy(): Promise<void> {
    return withFaults(async () => {
      await this.#nothing();
      await rm(this.#sets, { recursive: true, force: true });
      await rm(this.#temporary, { recursive: true, force: true });
      // Killed in between, what is left still is the newest head.
      for (const number of await this.#numbers()) await removeFile(this.#head(number));
      await rm(this.#root, { recursive: true, force: true });
      if ((await namesIn(this.#mount)).includes('exports')) await syncDirectory(this.#exports);
    });
  }

  #head(number: number): string {
    return join(this.#heads, `${String(number).padStart(12, '0')}.json`);
  }

  #set(name: string): string {
    if (!setName.test(name)) throw new TypeError('not a name of a set');
    return join(this.#sets, name);
  }

  /** Ascending. */
  async #numbers(): Promise<number[]> {
    const matches = (await namesIn(this.#heads)).map((name) => headName.exec(name)?.[1]);
    return matches.flatMap((digits) => (digits === undefined ? [] : [Number(digits)])).sort((a, b) => a - b);
  }

  /** A volume that is not mounted must not look like an empty one. */
  async #nothing(): Promise<undefined> {
    await stat(this.#mount);
  }

  async #prepare(): Promise<void> {
    if (this.#isPrepared) return;
    for (const path of [this.#exports, this.#root, this.#heads, this.#sets, this.#temporary]) {
      await makeDirectory(path);
    }
    this.#isPrepared = true;
  }

  /** Whether the file has these bytes now, durably; one that has others is left alone. */
  async #place(bytes: Buffer, path: string): Promise<boolean> {
    const temporary = join(this.#temporary, randomUUID());
    try {
      await writeDurably(temporary, bytes);
      // Equal bytes are our own, of an attempt that got no answer: a head names its holder and revision.
      const isOurs = (await linkExclusively(temporary, path)) === 'Linked' || (await holds(path, bytes));
      if (!isOurs) return false;
      await syncDirectory(this.#heads);
      return true;
    } finally {
      await removeFile(temporary).catch(() => undefined);
    }
  }

  /**
   * Whether the head that was placed follows the one that it was made from. Somebody who slept may have placed
   * one under a number that others had used and removed meanwhile, or in a ledger that was removed as a whole.
   */
  async #follows(number: number): Promise<boolean> {
    const numbers = await this.#numbers();
    if (number === 1) return numbers.at(-1) === 1;
    // They are removed in ascending order: where the one before is still there, nobody had this number yet.
    if (numbers.includes(number - 1)) return true;
    await removeFile(this.#head(number));
    return false;
  }

  /**
   * Removes former heads, the last one excepted, and what killed processes left behind. Former ones stay a
   * while, so that the number of a writer that sleeps is not free when it wakes.
   */
  async #tidy(number: number): Promise<void> {
    if (this.#isTidy) return;
    this.#isTidy = true;
    try {
      // The ages by one clock, the file server's: ours may be another.
      const now = (await modifiedAt(this.#head(number))) ?? 0;
      const isOld = async (path: string): Promise<boolean> => now - ((await modifiedAt(path)) ?? now) > oldMs;
      for (const each of await this.#numbers()) {
        if (each >= number - 1 || !(await isOld(this.#head(each)))) break;
        await removeFile(this.#head(each));
      }
      for (const name of await namesIn(this.#temporary)) {
        const path = join(this.#temporary, name);
        if (await isOld(path)) await removeFile(path);
      }
    } catch (error) {
      // The head is written; what could not be removed is in nobody's way.
      if (fileFault(error) === error) throw error;
    }
  }
}

async function proveLinks(file: string, second: string): Promise<void> {
  try {
    const isSound =
      (await linkExclusively(file, second)) === 'Linked' &&
      (await linkExclusively(file, second)) === 'Exists';
    if (!isSound) throw new Fault('LedgerNotUsable', { code: 'link-replaces' });
  } catch (error) {
    if (hasNoLinks(error)) throw new Fault('LedgerNotUsable', { code: 'no-hard-links' });
    throw error;
  }
}

async function holds(path: string, bytes: Buffer): Promise<boolean> {
  const found = await readWhole(path, (length) => length <= maxHeadBytes);
  return found?.equals(bytes) ?? false;
}

async function withFaults<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileFault(error);
  }
}
