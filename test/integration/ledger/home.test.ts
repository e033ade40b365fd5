import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LedgerHome } from '../../../exporter/ledger/home.ts';
import { Ledger } from '../../../exporter/ledger/ledger.ts';
import {
  digestsOf,
  entryOf,
  FakeTime,
  type MemoryHome,
  memoryHome,
} from '../../../exporter/ledger/testkit.ts';
import { never, silentLog } from '../../../exporter/testkit.ts';
import { type Ground, nameOf, openPlace, storeGround, volumeGround } from './homes.ts';
import { runParty, startParty } from './process.ts';

/** What a home promises, whatever it is made of. */
const kinds: Record<string, () => Promise<Ground | undefined>> = {
  memory: async () => undefined,
  volume: volumeGround,
  'object store': storeGround,
};

describe.each(Object.keys(kinds))('a home in the kind %s', (kind) => {
  let ground: Ground | undefined;
  const memory = new Map<string, MemoryHome>();
  let uids = 0;

  beforeAll(async () => {
    ground = await kinds[kind]?.();
  });
  afterAll(async () => {
    await ground?.[Symbol.asyncDispose]();
  });

  /** One more opening of the same export's home, as another process has it. */
  async function open(uid: string): Promise<LedgerHome> {
    if (ground) return await openPlace(ground.place(uid));
    const home = memory.get(uid) ?? memoryHome();
    memory.set(uid, home);
    return home;
  }
  const newUid = (): string => `${kind.replace(' ', '-')}-${++uids}`;

  async function openLedger(uid: string, holder = 'first', time = new FakeTime()): Promise<Ledger> {
    const options = { clock: time.clock(), signal: never, log: silentLog, leaseMs: 100_000, holder };
    return await Ledger.open(await open(uid), nameOf(uid), options);
  }

  test('has nothing at first, and only what is written then', async () => {
    const uid = newUid();
    const home = await open(uid);
    expect(await home.readHead()).toBeUndefined();
    expect(await home.listSets()).toEqual([]);
    expect(await home.readSet('none', 32)).toBeUndefined();
    await home.probe();
    expect(await home.readHead()).toBeUndefined();
    expect(await home.listSets()).toEqual([]);
  });

  test('swaps a head only where it is the one that the tag names', async () => {
    const uid = newUid();
    const [home, other] = [await open(uid), await open(uid)];
    const first = await home.swapHead(Buffer.from('first'), undefined);
    expect(first).toBeDefined();
    expect(await other.swapHead(Buffer.from('a second first'), undefined)).toBeUndefined();
    expect(await other.readHead()).toEqual({ bytes: Buffer.from('first'), tag: first });
    const second = await other.swapHead(Buffer.from('second'), first);
    expect(second).toBeDefined();
    expect(await home.swapHead(Buffer.from('too late'), first)).toBeUndefined();
    expect(await home.readHead()).toEqual({ bytes: Buffer.from('second'), tag: second });
  });

  test('keeps sets', async () => {
    const uid = newUid();
    const [home, other] = [await open(uid), await open(uid)];
    const large = digestsOf(20_000);
    await home.writeSet('large', large);
    await home.writeSet('small', digestsOf(1));
    expect((await other.listSets()).sort()).toEqual(['large', 'small']);
    const read = await other.readSet('large', large.length);
    expect(large.equals(read ?? Buffer.alloc(0))).toBe(true);
    await expect(other.readSet('small', 64)).rejects.toMatchObject({ reason: 'LedgerDamaged' });
    await home.removeSet('large');
    await other.removeSet('large');
    expect(await other.listSets()).toEqual(['small']);
    expect(await other.readSet('large', large.length)).toBeUndefined();
  });

  test("is destroyed without another export's coming to harm, and begins anew", async () => {
    const [uid, otherUid] = [newUid(), newUid()];
    const [home, other] = [await open(uid), await open(otherUid)];
    for (const each of [home, other]) {
      await each.swapHead(Buffer.from('head'), undefined);
      await each.writeSet('a-set', digestsOf(2));
    }
    await home.destroy();
    await home.destroy();
    expect(await home.readHead()).toBeUndefined();
    expect(await home.listSets()).toEqual([]);
    expect((await other.readHead())?.bytes).toEqual(Buffer.from('head'));
    expect(await other.listSets()).toEqual(['a-set']);
    expect(await (await open(uid)).swapHead(Buffer.from('anew'), undefined)).toBeDefined();
  });

  test('of all who swap at once exactly one succeeds, round after round', async () => {
    const uid = newUid();
    const homes = await Promise.all(Array.from({ length: 8 }, () => open(uid)));
    let tag: string | undefined;
    for (let round = 0; round < 15; round++) {
      const before: string | undefined = tag;
      const tags = await Promise.all(
        homes.map((home, index) => home.swapHead(Buffer.from(`${round} by ${index}`), before)),
      );
      const winner = tags.findIndex((each) => each !== undefined);
      expect(tags.filter((each) => each !== undefined)).toHaveLength(1);
      tag = tags[winner];
      expect(await homes[0]?.readHead()).toEqual({ bytes: Buffer.from(`${round} by ${winner}`), tag });
    }
  });

  // What lies in this process's memory is no other process's.
  if (kind !== 'memory') {
    test('of several processes none overwrites what another wrote', async () => {
      if (!ground) throw new Error('no ground');
      const place = ground.place(newUid());
      await (await openPlace(place)).swapHead(Buffer.from('0 by us'), undefined);
      await Promise.all([0, 1, 2, 3].map(() => runParty(place, ['count', '25'])));
      expect((await (await openPlace(place)).readHead())?.bytes.toString()).toMatch(/^100 /);
    });

    test('a lease that a killed process left is waited for, and no longer', async () => {
      if (!ground) throw new Error('no ground');
      const uid = newUid();
      const killed = startParty(ground.place(uid), ['hold']);
      await killed.said(/it has the lease/);
      killed.signal('SIGKILL');
      await killed.ended;
      const time = new FakeTime();
      const next = await openLedger(uid, 'next', time);
      expect(next.head.lease?.holder).toBe('killed');
      expect(await time.until(next.acquire())).toBe('Acquired');
      expect(time.elapsed).toBeGreaterThanOrEqual(100_000);
      expect(time.elapsed).toBeLessThan(120_000);
    });
  }

  test('a ledger is in there the next day as it was committed', async () => {
    const uid = newUid();
    const ledger = await openLedger(uid);
    expect(await ledger.acquire()).toBe('Acquired');
    const held = await ledger.store(digestsOf(1_000));
    const old = await ledger.store(digestsOf(10, 'old'));
    await ledger.commit(() => [entryOf('a', held), entryOf('b', old)]);
    await ledger.commit((entries) => entries.slice(0, 1));
    await ledger.sweep();
    await ledger.release();
    const next = await openLedger(uid, 'next');
    expect(next.head).toMatchObject({ revision: 2, entries: [{ id: 'a', held }] });
    expect(next.head.lease).toBeUndefined();
    expect(digestsOf(1_000).equals(await next.load(held))).toBe(true);
    expect(await (await open(uid)).listSets()).toEqual([held.name]);
    await expect(next.load(old)).rejects.toMatchObject({ reason: 'LedgerDamaged' });
    await expect(next.load({ ...held, sha256: old.sha256 })).rejects.toMatchObject({
      reason: 'LedgerDamaged',
    });
  });

  test.each([
    ['torn', (head: Buffer) => head.subarray(0, head.length / 2), 'LedgerDamaged'],
    ['empty', () => Buffer.alloc(0), 'LedgerDamaged'],
    ['full of zeros', (head: Buffer) => Buffer.alloc(head.length), 'LedgerDamaged'],
    [
      'of a newer release',
      () => Buffer.from('{"format":"segmentexport.io/ledger","version":2}'),
      'LedgerTooNew',
    ],
  ])('a head that is %s is recognised and left alone', async (_what, damage, reason) => {
    const uid = newUid();
    const ledger = await openLedger(uid);
    await ledger.acquire();
    await ledger.release();
    const home = await open(uid);
    const head = await home.readHead();
    const left = damage(head?.bytes ?? Buffer.alloc(0));
    await home.swapHead(left, head?.tag);
    await expect(openLedger(uid)).rejects.toMatchObject({ reason });
    expect((await home.readHead())?.bytes).toEqual(left);
  });

  test("another export's head is named, and left alone", async () => {
    const [uid, otherUid] = [newUid(), newUid()];
    const other = await openLedger(otherUid);
    await other.acquire();
    const bytes = (await (await open(otherUid)).readHead())?.bytes ?? Buffer.alloc(0);
    await (await open(uid)).swapHead(bytes, undefined);
    await expect(openLedger(uid)).rejects.toMatchObject({
      reason: 'LedgerOfAnother',
      details: { owner: 'shop/newsletter' },
    });
  });

  test('a head that is gone while its sets are there is no new ledger', async () => {
    const uid = newUid();
    await (await open(uid)).writeSet('left-behind', digestsOf(3));
    await expect(openLedger(uid)).rejects.toMatchObject({ reason: 'LedgerDamaged' });
  });
});
