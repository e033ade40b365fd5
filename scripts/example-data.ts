import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/**
 * Writes examples/data/people.csv.gz, a list with the dirt that real lists have,
 * and beside it what an export of it must come to. It knows each address before
 * it dirties it, and shares no code with the exporter, so that the demo's
 * comparison means something. Deterministic: running it again changes nothing.
 */

const rows = 20_000;
const segments = ['high-value', 'lapsed'] as const;
const givenNames = [
  'Åse',
  'Zoë',
  'Jürgen',
  'Łucja',
  'Señora',
  'Noël',
  'Ólafur',
  'Мария',
  '美咲',
  'Fatma',
  'Ada',
  'Bo',
];
const familyNames = [
  'Ødegård',
  'Müller',
  'Żak',
  'Núñez',
  "O'Neil",
  'Smith, Jr.',
  'Иванова',
  '佐藤',
  'Öztürk',
  'Lund',
];

// A linear congruential generator: the same list on every machine.
let state = 20_261_122;
function random(below: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 0x1_0000_0000) * below);
}

function pick<T>(from: readonly T[]): T {
  return from[random(from.length)] as T;
}

interface Expected {
  read: number;
  invalid: number;
  empty: number;
  duplicate: number;
  addresses: Set<string>;
}

const expected = new Map<string, Expected>(
  segments.map((name) => [name, { read: 0, invalid: 0, empty: 0, duplicate: 0, addresses: new Set() }]),
);

const broken = [
  'n/a',
  'unknown',
  'someone@',
  '@example.com',
  'two@@example.com',
  'with space@example.com',
  'no-at.example.com',
];
const dirty: ((address: string) => string)[] = [
  (address) => address,
  (address) => address,
  (address) => address.toUpperCase(),
  (address) => `  ${address}`,
  (address) => `${address}\t`,
  (address) => `\u00a0${address.replace('user', 'User')} `,
];

function email(of: Expected): string {
  const kind = random(100);
  if (kind < 2) {
    of.empty += 1;
    return pick(['', ' ', '\t']);
  }
  if (kind < 4) {
    of.invalid += 1;
    return pick(broken);
  }
  const known = kind < 9 && of.addresses.size > 0 ? pick([...of.addresses]) : undefined;
  const address =
    known ??
    `user.${random(1_000_000_000).toString(36)}@${pick(['example.com', 'example.org', 'mail.example.net'])}`;
  if (of.addresses.has(address)) of.duplicate += 1;
  else of.addresses.add(address);
  return pick(dirty)(address);
}

function quoted(value: string): string {
  return /[",\r\n]/.test(value) || random(10) === 0 ? `"${value.replaceAll('"', '""')}"` : value;
}

const lines = ['customer_id,given_name,family_name,email,country,note,segment'];
for (let row = 1; row <= rows; row += 1) {
  const segment = pick(segments);
  const of = expected.get(segment) as Expected;
  of.read += 1;
  const note = pick(['', '', 'prefers "mail"', 'line one\nline two', 'a, b']);
  const values = [
    `C${row}`,
    pick(givenNames),
    pick(familyNames),
    email(of),
    pick(['NO', 'DE', 'PL']),
    note,
    segment,
  ];
  lines.push(values.map(quoted).join(','));
}

/** As the sandbox tells it: SHA-256 over the sorted hex digests, each followed by a line feed. */
function digestOf(addresses: Iterable<string>): string {
  const digests = Array.from(addresses, (address) =>
    createHash('sha256').update(address).digest('hex'),
  ).sort();
  return createHash('sha256')
    .update(digests.map((digest) => `${digest}\n`).join(''))
    .digest('hex');
}

const directory = join(import.meta.dirname, '..', 'examples', 'data');
mkdirSync(directory, { recursive: true });
writeFileSync(join(directory, 'people.csv.gz'), gzipSync(`\ufeff${lines.join('\r\n')}\r\n`, { level: 9 }));
const fixture = [...expected].map(([name, { addresses, ...counts }]) => ({
  name,
  ...counts,
  selected: addresses.size,
  digest: digestOf(addresses),
}));
writeFileSync(join(directory, 'expected.json'), `${JSON.stringify(fixture, null, 2)}\n`);
console.log(
  `wrote examples/data: ${rows} rows, ${fixture.map((f) => `${f.selected} addresses in ${f.name}`).join(', ')}`,
);
