import { describe, expect, test } from 'vitest';
import { Fault } from '../fault.ts';
import { never, silentLog } from '../testkit.ts';
import { encodeHead } from './format.ts';
import { emptySet } from './head.ts';
import type { LedgerHome } from './home.ts';
import { Ledger, type LedgerOptions } from './ledger.ts';
import {
  Crash,
  crashAt,
  digestsOf,
  entryOf,
  exportName,
  FakeTime,
  type MemoryHome,
  memoryHome,
} from './testkit.ts';

const leaseMs = 100_000;
const callMs = 20_000;
const hour = 3_600_000;
const lost = expect.objectContaining({ reason: 'LedgerLeaseLost' });

interface Party {
  skewMs?: number;
  options?: Partial<LedgerOptions>;
}

/** A process that opens the ledger. */
function open(home: LedgerHome, time: FakeTime, holder: string, { skewMs = 0, options }: Party = {}) {
  const clock = time.clock(skewMs);
  return Ledger.open(home, exportName, { clock, log: silentLog, signal: never, leaseMs, holder, ...options });
}

async function withSegment(ledger: Ledger, id: string, people = 5): Promise<void> {
  const held = await ledger.store(digestsOf(people, id));
  await ledger.commit((entries) => [...entries, entryOf(id, held)]);
}

describe('a ledger', () => {
  test('begins empty, and keeps what is committed', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const first = await open(home, time, 'first');
    expect(first.head).toEqual({ export: exportName, revision: 0, entries: [] });
    expect(await first.acquire()).toBe('Acquired');
    await withSegment(first, 'a');
    await withSegment(first, 'b');
    await first.release();
    const second = await open(home, time, 'second');
    expect(second.head.revision).toBe(2);
    expect(second.head.entries.map(({ id }) => id)).toEqual(['a', 'b']);
    const held = second.head.entries[0]?.held ?? emptySet;
    expect(Buffer.from(await second.load(held))).toEqual(digestsOf(5, 'a'));
  });

  test('that is only looked at is not written', async () => {
    const home = memoryHome();
    const ledger = await open(home, new FakeTime(), 'first');
    await ledger.release();
    expect(home.writes).toBe(0);
  });

  test('whose head is gone while its sets are there is damaged, and not a new one', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const ledger = await open(home, time, 'first');
    await ledger.acquire();
    await withSegment(ledger, 'a');
    home.head = undefined;
    await expect(open(home, time, 'second')).rejects.toMatchObject({ reason: 'LedgerDamaged' });
  });

  test.each<[string, (set: Buffer) => Buffer | undefined]>([
    ['is missing', () => undefined],
    ['is cut off', (set) => set.subarray(32)],
    ['rotted', (set) => set.fill(1, 40, 41)],
  ])('a set that %s is damaged', async (_what, damage) => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const ledger = await open(home, time, 'first');
    await ledger.acquire();
    await withSegment(ledger, 'a');
    const held = ledger.head.entries[0]?.held ?? emptySet;
    const left = damage(home.sets.get(held.name) ?? Buffer.alloc(0));
    if (left) home.sets.set(held.name, left);
    else home.sets.delete(held.name);
    await expect(ledger.load(held)).rejects.toMatchObject({ reason: 'LedgerDamaged' });
  });

  test('the empty set takes no writing and no reading', async () => {
    const home = memoryHome();
    const ledger = await open(home, new FakeTime(), 'first');
    await ledger.acquire();
    const before = home.writes;
    expect(await ledger.store(new Uint8Array(0))).toEqual(emptySet);
    expect(await ledger.load(emptySet)).toHaveLength(0);
    expect(home.writes).toBe(before);
  });

  test('keeps sets in memory only where it is asked to, and no more than it is asked for', async () => {
    const home = memoryHome();
    const ledger = await open(home, new FakeTime(), 'first', { options: { cacheBytes: 3 * 32 } });
    await ledger.acquire();
    const [a, b, large] = [
      await ledger.store(digestsOf(1, 'a')),
      await ledger.store(digestsOf(2, 'b')),
      await ledger.store(digestsOf(4, 'c')),
    ];
    home.sets.clear();
    expect(await ledger.load(a)).toHaveLength(32);
    expect(await ledger.load(b)).toHaveLength(64);
    await expect(ledger.load(large)).rejects.toMatchObject({ reason: 'LedgerDamaged' });
    const without = await open(home, new FakeTime(), 'second').catch(() => undefined);
    await expect(without?.load(a)).rejects.toMatchObject({ reason: 'LedgerDamaged' });
  });

  test('is gone as a whole after destroy, and a new one begins', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const ledger = await open(home, time, 'first');
    await ledger.acquire();
    await withSegment(ledger, 'a');
    await ledger.destroy();
    await ledger.release();
    expect(home.sets.size).toBe(0);
    expect(home.head).toBeUndefined();
    expect((await open(home, time, 'second')).head.revision).toBe(0);
  });
});

describe('without the lease', () => {
  test('nothing is permitted, stored, committed, swept or destroyed', async () => {
    const ledger = await open(memoryHome(), new FakeTime(), 'first');
    await expect(ledger.permit(callMs)).rejects.toEqual(lost);
    await expect(ledger.store(digestsOf(1))).rejects.toEqual(lost);
    await expect(ledger.commit(() => [])).rejects.toEqual(lost);
    await expect(ledger.sweep()).rejects.toEqual(lost);
    await expect(ledger.destroy()).rejects.toEqual(lost);
  });

  test('a ledger that another one changed since it was read is looked at again', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const [slow, quick] = [await open(home, time, 'slow'), await open(home, time, 'quick')];
    await quick.acquire();
    await withSegment(quick, 'a');
    await quick.release();
    expect(await slow.acquire()).toBe('Changed');
    expect(slow.head.entries).toHaveLength(1);
    expect(await slow.acquire()).toBe('Acquired');
  });

  test('one that another only looked at and left as it was need not be looked at again', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const [slow, quick] = [await open(home, time, 'slow'), await open(home, time, 'quick')];
    await quick.acquire();
    await quick.release();
    expect(await slow.acquire()).toBe('Acquired');
  });

  test('of all who try at once one has it', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, index) => open(home, time, `p${index}`, { options: { maxWaitMs: 1 } })),
    );
    const work = Promise.allSettled(all.map((ledger) => ledger.acquire()));
    const outcomes = await time.until(work);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ reason: 'LedgerBusy' });
    }
  });
});

describe("another's lease", () => {
  test.each([0, hour, -hour])(
    'left by a killed pod is over when it has lasted, %i ms apart or not',
    async (skewMs) => {
      const [home, time] = [memoryHome(), new FakeTime()];
      const killed = await open(home, time, 'killed');
      await killed.acquire();
      const next = await open(home, time, 'next', { skewMs });
      expect(await time.until(next.acquire())).toBe('Acquired');
      expect(time.elapsed).toBeGreaterThanOrEqual(leaseMs);
      expect(time.elapsed).toBeLessThan(leaseMs * 1.1);
    },
  );

  test('that was left yesterday is not waited for', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    await (await open(home, time, 'killed')).acquire();
    await time.advance(24 * hour);
    const next = await open(home, time, 'next');
    expect(await next.acquire()).toBe('Acquired');
  });

  test('that is renewed is respected, and busy after a while', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const holder = await open(home, time, 'holder');
    await holder.acquire();
    const waiter = await open(home, time, 'waiter');
    const work = waiter.acquire();
    const outcome = expect(work).rejects.toMatchObject({ reason: 'LedgerBusy' });
    for (let step = 0; step < 14; step++) {
      await time.advance(10_000);
      await holder.permit(callMs);
    }
    await outcome;
    expect(time.elapsed).toBeGreaterThan(leaseMs + 30_000);
  });

  test('that is given up is taken at once', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const holder = await open(home, time, 'holder');
    await holder.acquire();
    const waiter = await open(home, time, 'waiter');
    const work = waiter.acquire();
    await time.advance(20_000);
    await holder.release();
    await time.advance(3_000);
    expect(await work).toBe('Acquired');
  });

  test('that was taken without our hearing of it is given up all the same', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const ledger = await open(home, time, 'first');
    home.onWrite = (_n, _what, when) => {
      if (when === 'after') throw new Fault('LedgerUnavailable');
    };
    await expect(ledger.acquire()).rejects.toMatchObject({ reason: 'LedgerUnavailable' });
    home.onWrite = undefined;
    await ledger.release();
    expect(await (await open(home, time, 'second')).acquire()).toBe('Acquired');
  });

  test('waiting for it ends with the run', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    await (await open(home, time, 'holder')).acquire();
    const controller = new AbortController();
    const waiter = await open(home, time, 'waiter', { options: { signal: controller.signal } });
    const work = waiter.acquire();
    await time.advance(1_000);
    controller.abort(new Error('told to end'));
    await expect(work).rejects.toThrow('told to end');
  });
});

describe('permit', () => {
  test('a call may start as long as it ends within the lease, and renews it in good time', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const ledger = await open(home, time, 'first');
    await ledger.acquire();
    const before = home.writes;
    await time.advance(leaseMs / 2);
    await ledger.permit(callMs);
    expect(home.writes).toBe(before);
    await time.advance(1);
    await ledger.permit(callMs);
    expect(home.writes).toBe(before + 1);
    await ledger.permit(callMs);
    expect(home.writes).toBe(before + 1);
  });

  test('one that was cut off is permitted nothing before its lease is over, and the other one has it only then', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const first = await open(home, time, 'cut-off');
    await first.acquire();
    const other = await open(home, time, 'other');
    let isCutOff = true;
    home.onWrite = (_n, what) => {
      if (isCutOff && what === 'head') throw new Fault('LedgerUnavailable');
    };
    await time.advance(leaseMs - callMs);
    await first.permit(callMs);
    await time.advance(1);
    const refused = expect(first.permit(callMs)).rejects.toEqual(lost);
    await time.advance(callMs);
    await refused;
    expect(time.elapsed).toBeLessThanOrEqual(leaseMs + 1);
    isCutOff = false;
    expect(await time.until(other.acquire())).toBe('Acquired');
    expect(time.elapsed).toBeGreaterThan(leaseMs);
    await expect(first.permit(callMs)).rejects.toEqual(lost);
    await expect(first.commit(() => [])).rejects.toEqual(lost);
  });

  test('a home that is away for a moment costs nothing', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const ledger = await open(home, time, 'first');
    await ledger.acquire();
    await time.advance(leaseMs - callMs + 1);
    let failures = 5;
    home.onWrite = (_n, _what, when) => {
      if (when === 'before' && failures-- > 0) throw new Fault('LedgerUnavailable');
    };
    await time.until(ledger.permit(callMs));
    expect(failures).toBe(-1);
  });

  test('what is to be mended is told at once', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const ledger = await open(home, time, 'first');
    await ledger.acquire();
    await time.advance(leaseMs * 0.6);
    home.onWrite = () => {
      throw new Fault('LedgerFull');
    };
    await expect(ledger.permit(callMs)).rejects.toMatchObject({ reason: 'LedgerFull' });
  });

  test('one that slept past its lease goes on only where nobody took it', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const sleeper = await open(home, time, 'sleeper');
    await sleeper.acquire();
    await time.advance(10 * leaseMs);
    await sleeper.permit(callMs);
    const other = await open(home, time, 'other');
    await time.until(other.acquire());
    await expect(sleeper.permit(callMs)).rejects.toEqual(lost);
  });

  test('a renewal whose reply was lost is recognised as our own', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const ledger = await open(home, time, 'first');
    await ledger.acquire();
    await time.advance(leaseMs * 0.6);
    let failures = 1;
    home.onWrite = (_n, _what, when) => {
      if (when === 'after' && failures-- > 0) throw new Fault('LedgerUnavailable');
    };
    await ledger.permit(callMs);
    await time.advance(1_000);
    await ledger.permit(callMs);
    await withSegment(ledger, 'a');
    expect(ledger.head.entries).toHaveLength(1);
  });

  test('a lease counts from before it was asked for: others know of it before the reply is here', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const answers = time.clock();
    const slow = {
      ...home,
      swapHead: async (bytes: Buffer, tag: string | undefined) => {
        const swapped = await home.swapHead(bytes, tag);
        await answers.sleep(10_000, never);
        return swapped;
      },
    };
    const ledger = await open(slow, time, 'first');
    await time.until(ledger.acquire());
    const before = home.writes;
    await time.advance(leaseMs / 2 - 10_000 + 1);
    await time.until(ledger.permit(callMs));
    expect(home.writes).toBe(before + 1);
  });

  test('time that a sleeping machine did not count has passed all the same', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const clock = { ...time.clock(), monotonic: () => 0 };
    const ledger = await open(home, time, 'first', { options: { clock } });
    await ledger.acquire();
    const before = home.writes;
    await time.advance(leaseMs);
    await ledger.permit(callMs);
    expect(home.writes).toBe(before + 1);
  });

  test('no two attempts look alike, also where the clock is set back: a late one must not pass for a new one', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    let skewMs = 0;
    const written = new Set<string>();
    const failing = {
      ...home,
      swapHead: async (bytes: Buffer, tag: string | undefined) => {
        written.add(bytes.toString());
        if (skewMs === 0) return await home.swapHead(bytes, tag);
        throw new Fault('LedgerUnavailable');
      },
    };
    const ledger = await open(failing, time, 'first', { options: { clock: time.clock(() => skewMs) } });
    await ledger.acquire();
    skewMs = -hour;
    await time.advance(leaseMs * 0.6);
    for (let call = 0; call < 3; call++) await ledger.permit(callMs);
    expect(written.size).toBe(4);
  });

  test('a call that takes longer than a lease is a mistake of ours', async () => {
    const ledger = await open(memoryHome(), new FakeTime(), 'first');
    await ledger.acquire();
    await expect(ledger.permit(leaseMs)).rejects.toThrow(RangeError);
  });
});

describe('commit', () => {
  test.each(['before', 'after'] as const)(
    'is tried again where its reply is lost %s it took effect, and counts once',
    async (when) => {
      const [home, time] = [memoryHome(), new FakeTime()];
      const ledger = await open(home, time, 'first');
      await ledger.acquire();
      let failures = 2;
      home.onWrite = (_n, what, now) => {
        if (what === 'head' && now === when && failures-- > 0) throw new Fault('LedgerUnavailable');
      };
      await time.until(ledger.commit(() => [entryOf('a', emptySet)]));
      expect(ledger.head).toMatchObject({ revision: 1, entries: [{ id: 'a' }] });
      expect((await open(home, time, 'second')).head).toEqual(ledger.head);
    },
  );

  test('whose first attempt had its effect prolongs the lease from then, and not from the reply', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const ledger = await open(home, time, 'first');
    await ledger.acquire();
    await time.advance(1_000);
    let failures = 5;
    home.onWrite = (_n, _what, now) => {
      if (now === 'after' && failures-- > 0) throw new Fault('LedgerUnavailable');
    };
    const committed = time.clock().now();
    const unreadable = { isOn: true };
    const { readHead } = home;
    home.readHead = async () => {
      if (unreadable.isOn) throw new Fault('LedgerUnavailable');
      return await readHead();
    };
    const work = ledger.commit(() => []);
    await time.advance(30_000);
    unreadable.isOn = false;
    await time.until(work);
    const before = home.writes;
    await time.advance(committed + leaseMs / 2 + 1 - time.clock().now());
    await ledger.permit(callMs);
    expect(home.writes).toBe(before + 1);
  });

  test('gives up when the lease is over, and nothing is permitted from then on', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const ledger = await open(home, time, 'first');
    await ledger.acquire();
    home.onWrite = () => {
      throw new Fault('LedgerUnavailable');
    };
    await expect(time.until(ledger.commit(() => []))).rejects.toMatchObject({
      reason: expect.stringMatching(/^Ledger(Unavailable|LeaseLost)$/),
    });
    expect(time.elapsed).toBeLessThanOrEqual(leaseMs + 5_000);
    home.onWrite = undefined;
    await expect(ledger.permit(callMs)).rejects.toEqual(lost);
  });

  test('those of one process wait for each other', async () => {
    const home = memoryHome();
    const ledger = await open(home, new FakeTime(), 'first');
    await ledger.acquire();
    const ids = ['a', 'b', 'c', 'd'];
    await Promise.all(ids.map((id) => ledger.commit((entries) => [...entries, entryOf(id, emptySet)])));
    expect(ledger.head.entries.map(({ id }) => id)).toEqual(ids);
  });
});

describe('sweep', () => {
  test('removes what no entry refers to, and nothing that is not committed yet', async () => {
    const home = memoryHome();
    const ledger = await open(home, new FakeTime(), 'first');
    await ledger.acquire();
    await withSegment(ledger, 'old');
    await ledger.commit(() => []);
    await withSegment(ledger, 'kept');
    const pending = await ledger.store(digestsOf(3, 'pending'));
    await ledger.sweep();
    const kept = ledger.head.entries[0]?.held.name;
    expect([...home.sets.keys()].sort()).toEqual([kept, pending.name].sort());
  });

  test('never removes what a later holder has written', async () => {
    const [home, time] = [memoryHome(), new FakeTime()];
    const slow = await open(home, time, 'slow');
    await slow.acquire();
    await time.advance(2 * leaseMs);
    const next = await open(home, time, 'next');
    await time.until(next.acquire());
    const written = await next.store(digestsOf(3));
    await slow.sweep();
    expect([...home.sets.keys()]).toEqual([written.name]);
  });
});

test('whatever write a process is killed at, the next one finds the ledger before it or after it', async () => {
  const story = async (home: MemoryHome, time: FakeTime, holder: string): Promise<void> => {
    const ledger = await open(home, time, holder);
    await time.until(ledger.acquire());
    await withSegment(ledger, 'a');
    await withSegment(ledger, 'b');
    await ledger.commit((entries) => entries.slice(1));
    await ledger.sweep();
    await ledger.release();
  };
  const whole = memoryHome();
  await story(whole, new FakeTime(), 'whole');
  expect(whole.writes).toBeGreaterThan(7);
  for (let n = 1; n <= whole.writes; n++) {
    for (const when of ['before', 'after'] as const) {
      const [home, time] = [memoryHome({ onWrite: crashAt(n, when) }), new FakeTime()];
      await expect(story(home, time, 'killed')).rejects.toThrow(Crash);
      home.onWrite = undefined;
      const next = await open(home, time, 'next');
      for (const { id, held } of next.head.entries) {
        expect(Buffer.from(await next.load(held))).toEqual(digestsOf(5, id));
      }
      expect(await time.until(next.acquire())).toBe('Acquired');
      await next.commit((entries) => [...entries]);
      await next.sweep();
      expect(home.sets.size).toBe(next.head.entries.length);
    }
  }
});

test('a head of another export, or of a newer release, is left alone', async () => {
  const [home, time] = [memoryHome(), new FakeTime()];
  const other = { export: { ...exportName, uid: 'another' }, revision: 1, entries: [] };
  home.head = { bytes: encodeHead(other), tag: '1' };
  await expect(open(home, time, 'first')).rejects.toMatchObject({ reason: 'LedgerOfAnother' });
  const newer = Buffer.from('{"format":"segmentexport.io/ledger","version":2}');
  home.head = { bytes: newer, tag: '2' };
  await expect(open(home, time, 'first')).rejects.toMatchObject({ reason: 'LedgerTooNew' });
  expect(home.writes).toBe(0);
});
