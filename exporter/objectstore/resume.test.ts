import { expect, test } from 'vitest';
import { Fault } from '../fault.ts';
import { fakeClock, never } from '../testkit.ts';
import { type OpenBytes, resumed } from './resume.ts';

const object = Buffer.from(Array.from({ length: 5_000_000 }, (_, index) => index % 251));

class Reset extends Error {
  readonly code = 'ECONNRESET';
}

/** Gives the object in pieces; each time it is opened it breaks off after the next of `lengths`, by `how`. */
function breaking(lengths: number[], how: 'Reset' | 'End' = 'Reset'): OpenBytes & { opened: number[] } {
  const opened: number[] = [];
  const open: OpenBytes = async (start, end) => {
    const length = lengths[opened.push(start) - 1] ?? Number.POSITIVE_INFINITY;
    return (async function* () {
      const stop = Math.min(end, start + length);
      for (let at = start; at < stop; at += 100_000) yield object.subarray(at, Math.min(stop, at + 100_000));
      if (length < end - start && how === 'Reset') throw new Reset();
    })();
  };
  return Object.assign(open, { opened });
}

async function collect(open: OpenBytes, start = 0, end = object.length): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of resumed(open, start, end, fakeClock(), never)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const faultOf = (work: Promise<unknown>) => work.catch((error: unknown) => error);

test.each(['Reset', 'End'] as const)('bytes that break off are taken up from there: %s', async (how) => {
  const open = breaking([250_000, 0, 7, 1_000_000], how);
  expect(object.equals(await collect(open))).toBe(true);
  expect(open.opened).toEqual([0, 250_000, 250_000, 250_007, 1_250_007]);
});

test('any number of breaks is borne by a large object, as long as it goes on', async () => {
  const open = breaking(Array.from({ length: 4 }, () => 1_100_000));
  expect(object.equals(await collect(open))).toBe(true);
});

test('what breaks off again and again is given up', async () => {
  const open = breaking(Array.from({ length: 100 }, () => 10));
  expect(await faultOf(collect(open))).toEqual(new Fault('SourceUnavailable'));
  expect(open.opened).toEqual([0, 10, 20, 30, 40]);
});

test('a slice ends where it should, also where the store goes on', async () => {
  const open: OpenBytes = async (start) => breaking([])(start, object.length);
  expect(object.subarray(99_999, 300_001).equals(await collect(open, 99_999, 300_001))).toBe(true);
});

test('of an empty object nothing is asked', async () => {
  const open = breaking([]);
  expect(await collect(open, 0, 0)).toEqual(Buffer.alloc(0));
  expect(open.opened).toEqual([]);
});

test("a fault of the store, and what is no break, are nobody else's", async () => {
  const changed = new Fault('SourceChanged');
  const once = breaking([10]);
  const open: OpenBytes = async (start, end) => {
    if (start > 0) throw changed;
    return await once(start, end);
  };
  expect(await faultOf(collect(open))).toBe(changed);
  const bug = new TypeError('a bug');
  const broken: OpenBytes = async () =>
    // biome-ignore lint/correctness/useYield: it fails before its first.
    (async function* (): AsyncGenerator<Buffer> {
      throw bug;
    })();
  expect(await faultOf(collect(broken))).toBe(bug);
});

test('who was told to stop does not begin again', async () => {
  const stop = new AbortController();
  const open = breaking([10, 10]);
  const bytes = resumed(open, 0, object.length, fakeClock(), stop.signal);
  await bytes.next();
  stop.abort(new Error('stopped'));
  await expect(bytes.next()).rejects.toThrow('stopped');
  expect(open.opened).toEqual([0]);
});
