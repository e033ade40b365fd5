import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { emptySet, type SetRef } from '../ledger/head.ts';
import { recentAfter, defaultSettleMs as settleMs, withEcho } from './history.ts';
import { type Records, withoutLedger } from './records.ts';
import type { Digests } from './sets.ts';

const hourMs = 3_600_000;
/** No whole number of the parts into which time is cut. */
const start = Date.parse('2026-11-22T04:17:00Z');

const digestOf = (index: number): Digests => createHash('sha256').update(String(index)).digest();

async function hexOf(records: Records, ref: SetRef): Promise<string[]> {
  const digests = Buffer.from(await records.load(ref));
  return Array.from({ length: ref.count }, (_, index) =>
    digests.toString('hex', index * 32, index * 32 + 32),
  );
}

test.each([5, 20, 60])(
  'changes every %i minutes are kept for as long as they may be overtaken, and little longer',
  async (minutes) => {
    const records = withoutLedger();
    const perDay = (24 * 60) / minutes;
    let recent: Awaited<ReturnType<typeof recentAfter>> = [];
    for (let index = 0; index < 3 * perDay; index++) {
      const now = start + index * minutes * 60_000;
      const added = { at: now, adds: await records.store(digestOf(index)), removes: emptySet };
      recent = await recentAfter(recent, added, records, { now, settleMs });
      expect(recent.length).toBeLessThanOrEqual(16);
    }
    const kept = (await Promise.all(recent.map(({ adds }) => hexOf(records, adds)))).flat();
    const unsettled = Array.from({ length: perDay }, (_, ago) => digestOf(3 * perDay - 1 - ago));
    expect(kept).toEqual(
      expect.arrayContaining(unsettled.map((digest) => Buffer.from(digest).toString('hex'))),
    );
    expect(kept.length - unsettled.length).toBeLessThanOrEqual((3 * 60) / minutes);
  },
);

test('of echoes each is due within hours of its time, however often runs make new ones', async () => {
  const records = withoutLedger();
  const sentAt = new Map<string, number>();
  let echoes: Awaited<ReturnType<typeof withEcho>> = [];
  for (let hour = 0; hour < 96; hour++) {
    const now = start + hour * hourMs;
    for (const { digests } of echoes.filter(({ due }) => due <= now)) {
      for (const digest of await hexOf(records, digests)) sentAt.set(digest, hour);
    }
    const echo = { due: now + settleMs, digests: await records.store(digestOf(hour)) };
    const left = echoes.filter(({ due }) => due > now);
    echoes = await withEcho(left, echo, records, { now, settleMs });
    expect(echoes.length).toBeLessThanOrEqual(16);
  }
  for (let hour = 0; hour < 96 - 24 - 3; hour++) {
    const after = (sentAt.get(Buffer.from(digestOf(hour)).toString('hex')) ?? Number.NaN) - hour;
    expect(after).toBeGreaterThanOrEqual(24);
    expect(after).toBeLessThanOrEqual(24 + 3);
  }
});

test('of times that no clock could have told no more are kept than fit', async () => {
  const records = withoutLedger();
  let echoes: Awaited<ReturnType<typeof withEcho>> = [];
  for (let index = 0; index < 40; index++) {
    const echo = { due: start + index * 30 * 24 * hourMs, digests: await records.store(digestOf(index)) };
    echoes = await withEcho(echoes, echo, records, { now: start, settleMs });
  }
  expect(echoes).toHaveLength(16);
  expect(echoes.reduce((sum, { digests }) => sum + digests.count, 0)).toBe(40);
});
