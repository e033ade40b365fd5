import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../api/hash.ts';
import { refTo } from './digests.ts';
import { decodeHead, encodeHead } from './format.ts';
import { type Entry, emptySet, type Head, type SetRef } from './head.ts';
import { digestsOf, entryOf, exportName } from './testkit.ts';

const { uid } = exportName;
const golden = readFileSync(new URL('golden/head-v1.json', import.meta.url));

const milliseconds = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 });
const criteoId = fc.stringMatching(/^[0-9]{1,19}$/);
const setRef: fc.Arbitrary<SetRef> = fc.oneof(
  fc.constant(emptySet),
  fc.record({
    name: fc.uuid(),
    count: fc.integer({ min: 1, max: 2 ** 31 }),
    sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
  }),
);
const change = { adds: setRef, removes: setRef };

const entry: fc.Arbitrary<Entry> = fc.record(
  {
    id: fc.uuid(),
    advertiserId: criteoId,
    name,
    criteoName: name,
    criteoSegmentId: criteoId,
    origin: fc.constantFrom('Created', 'Kept', 'TakenOver'),
    phase: fc.constantFrom('Creating', 'Emptying', 'Filled', 'Deleting'),
    held: setRef,
    intent: fc.record(change),
    recent: fc.array(fc.record({ ...change, at: milliseconds }), { maxLength: 3 }),
    echoes: fc.array(fc.record({ due: milliseconds, digests: setRef }), { maxLength: 3 }),
    emptiedAt: milliseconds,
    resyncedAt: milliseconds,
    retired: fc.constantFrom('Retain', 'Empty', 'Delete'),
  },
  {
    requiredKeys: [
      'id',
      'advertiserId',
      'name',
      'criteoName',
      'origin',
      'phase',
      'held',
      'recent',
      'echoes',
      'resyncedAt',
    ],
  },
);

const head: fc.Arbitrary<Head> = fc.record(
  {
    export: fc.constant(exportName),
    revision: milliseconds,
    lease: fc.record({
      holder: fc.uuid(),
      until: milliseconds,
      duration: fc.integer({ min: 1, max: 3_600_000 }),
    }),
    entries: fc.array(entry, { maxLength: 4 }),
  },
  { requiredKeys: ['export', 'revision', 'entries'] },
);

/** A head as another release would write it: with a checksum that is right. */
function envelope(body: unknown, change: object = {}): Buffer {
  const checksum = hash('sha256', canonicalJson(body));
  return Buffer.from(
    JSON.stringify({ format: 'segmentexport.io/ledger', version: 1, checksum, body, ...change }),
  );
}

/** As text: writing such a value out goes as deep as it is. */
function deepBody(depth: number): Buffer {
  const body = `${'['.repeat(depth)}${']'.repeat(depth)}`;
  return Buffer.from(`{"format":"segmentexport.io/ledger","version":1,"checksum":"","body":${body}}`);
}

const plain: Head = { export: exportName, revision: 7, entries: [] };

describe('decodeHead', () => {
  test('reads what was written, whatever the names are', () => {
    fc.assert(
      fc.property(head, (each) => {
        expect(decodeHead(encodeHead(each), uid)).toEqual(each);
      }),
    );
  });

  test('finds every cut', () => {
    const bytes = encodeHead({ ...plain, entries: [entryOf('a', emptySet)] });
    // The last byte is a line feed.
    for (let length = 0; length < bytes.length - 1; length++) {
      expect(() => decodeHead(bytes.subarray(0, length), uid)).toThrow('LedgerDamaged');
    }
  });

  test('finds any byte that is another', () => {
    const bytes = encodeHead({ ...plain, entries: [entryOf('a', emptySet)] });
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 2 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ by;
        // A format's version may become a higher one that way, which is told as such.
        expect(() => decodeHead(changed, uid)).toThrow(/^Ledger(Damaged|TooNew)$/);
      }),
    );
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(4096)],
    ['no JSON', Buffer.from('<html>')],
    ['null', Buffer.from('null')],
    ['JSON of another kind', Buffer.from('{"version":1}')],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['brackets without an end in sight', Buffer.from(`[${'['.repeat(200_000)}${']'.repeat(200_000)}]`)],
    ['a body of a depth that nothing of ours has', deepBody(200_000)],
    ['a version that is no number', envelope(plain, { version: '1' })],
    ['a version before the first', envelope(plain, { version: 0 })],
    ['another checksum', envelope(plain, { checksum: '0'.repeat(64) })],
    ['no checksum', envelope(plain, { checksum: undefined })],
    ['a field that version 1 does not have', envelope({ ...plain, more: 1 })],
    ['an entry without its fields', envelope({ ...plain, entries: [{}] })],
    ['a revision that is no whole number', envelope({ ...plain, revision: 1.5 })],
    ['a set whose name leads out of its directory', envelope(withHeld({ ...ref(3), name: '../x' }))],
    ['an empty set with a name', envelope(withHeld({ ...emptySet, name: 'x' }))],
    ['a set without a name', envelope(withHeld({ ...ref(3), name: '' }))],
    ['a lease of a month', envelope({ ...plain, lease: { holder: 'a', until: 1, duration: 2_592_000_000 } })],
  ])('calls %s damaged', (_what, bytes) => {
    expect(() => decodeHead(bytes, uid)).toThrow(expect.objectContaining({ reason: 'LedgerDamaged' }));
  });

  test('tells a newer version before it looks at anything else', () => {
    const newer = envelope({ anything: true }, { version: 2, checksum: { of: 'another kind' } });
    expect(() => decodeHead(newer, uid)).toThrow(expect.objectContaining({ reason: 'LedgerTooNew' }));
  });

  test('names the export whose ledger it is instead', () => {
    const other = { ...plain, export: { ...exportName, name: 'lapsed', uid: 'f0000000' } };
    expect(() => decodeHead(encodeHead(other), uid)).toThrow(
      expect.objectContaining({ reason: 'LedgerOfAnother', details: { owner: 'shop/lapsed' } }),
    );
  });

  test('what it returns cannot be altered', () => {
    const read = decodeHead(encodeHead({ ...plain, entries: [entryOf('a', emptySet)] }), uid);
    expect(() => read.entries.push(entryOf('b', emptySet))).toThrow(TypeError);
    expect(() => Object.assign(read.entries[0] ?? {}, { name: 'b' })).toThrow(TypeError);
  });
});

test('version 1 is read for ever', () => {
  const read = decodeHead(golden, uid);
  expect(read.revision).toBe(42);
  expect(read.lease).toEqual({
    holder: '3f1a52c0-2b39-4a55-9a0e-0c9f4f3f5a11',
    until: 1_795_305_780_000,
    duration: 180_000,
  });
  expect(read.entries.map(({ criteoName, phase }) => [criteoName, phase])).toEqual([
    ['High value, Åse & co.', 'Filled'],
    ['Lapsed 2026', 'Creating'],
    ['old', 'Filled'],
  ]);
  const [first, , last] = read.entries;
  expect(first?.criteoSegmentId).toBe('9223372036854775807');
  expect(first?.held).toEqual(
    refTo('0b9c4a0e-5a5e-4b0c-8a53-000000000001', digestsOf(3, '0b9c4a0e-5a5e-4b0c-8a53-000000000001')),
  );
  expect(first?.intent?.adds.count).toBe(1);
  expect(first?.echoes).toMatchObject([{ due: 1_795_391_400_000 }]);
  expect(last?.retired).toBe('Empty');
});

test('a head that could not be read back is not written', () => {
  const broken = { ...plain, entries: [entryOf('a', emptySet, { resyncedAt: Number.NaN })] };
  expect(() => encodeHead(broken)).toThrow('head/entries/0/resyncedAt is not valid');
});

function ref(count: number): SetRef {
  return refTo('a-set', digestsOf(count));
}

function withHeld(held: SetRef): Head {
  return { ...plain, entries: [entryOf('a', held)] };
}
