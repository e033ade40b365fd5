import { createHash, hash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from '../test/cluster/paths.ts';

/**
 * A made-up list of customers with twelve columns, the same on every machine. It
 * is the kind of file that a customer data platform writes: some cells quoted, some
 * names outside ASCII, addresses as people typed them.
 */

export interface People {
  /** A CSV file of `count` rows under a header. */
  path: string;
  count: number;
  bytes: number;
  /** What the sandbox must tell of a segment that holds exactly these people. */
  digest: string;
}

export const header =
  'customer_id,given_name,family_name,address_line,postal_code,city,country,phone,born_on,last_purchase,email,newsletter';
const givenNames = ['Ada', 'Åse', 'Zoë', 'Jürgen', 'Fatma', 'Bo', 'Olivia', 'Noah', 'Emma', 'Мария', 'Lucas'];
const familyNames = ['Lund', 'Ødegård', 'Müller', 'Smith, Jr.', "O'Neil", 'Hansen', 'Nowak', 'Virtanen'];
const streets = ['Storgata', 'Hauptstraße', 'Market Street', 'Drottninggatan', 'Kirkeveien', 'Elm Road'];
const cities = ['Oslo', 'Berlin', 'London', 'Göteborg', 'Trondheim', 'Springfield', 'Kraków'];
const countries = ['NO', 'DE', 'GB', 'SE', 'PL', 'US'];
const hosts = ['example.com', 'example.org', 'mail.example.net', 'post.example.co.uk'];

/** A number that looks random and depends on the person alone (the finaliser of MurmurHash3). */
function scatter(person: number): number {
  let mixed = (person + 1) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function pick(from: readonly string[], number: number): string {
  return from[number % from.length] ?? '';
}

/** The address in the form in which it is hashed. Scattering is one-to-one, so no two people share one. */
export function addressOf(person: number): string {
  const number = scatter(person);
  return `${pick(['ada.lund', 'o.hansen', 'noah', 'emma_n', 'j.muller+news'], number)}.${number.toString(36)}@${pick(hosts, number >>> 8)}`;
}

/** The address as the person typed it. */
function typed(address: string, number: number): string {
  if (number % 10 === 0) return `${address.charAt(0).toUpperCase()}${address.slice(1)}`;
  return number % 50 === 1 ? `${address} ` : address;
}

function date(number: number, firstYear: number, years: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${firstYear + (number % years)}-${two(1 + ((number >>> 6) % 12))}-${two(1 + ((number >>> 12) % 28))}`;
}

function rowOf(person: number, address: string): string {
  const number = scatter(person ^ 0x5bd1_e995);
  const family = pick(familyNames, number >>> 4);
  const line = `${pick(streets, number >>> 7)} ${1 + (number % 180)}`;
  return [
    `C${String(10_000_000 + person)}`,
    pick(givenNames, number),
    family.includes(',') ? `"${family}"` : family,
    number % 5 === 0 ? `"${line}, ${1 + (number % 9)}. floor"` : line,
    String(10_000 + (number % 89_999)),
    pick(cities, number >>> 10),
    pick(countries, number >>> 13),
    `+47${String(10_000_000 + (number % 89_999_999))}`,
    date(number, 1940, 68),
    date(number >>> 3, 2019, 8),
    typed(address, number),
    number % 4 === 0 ? 'false' : 'true',
  ].join(',');
}

/** As many as an export may hold; in longer lists the same people come again. */
const mostPeople = 1_000_000;

/**
 * The first `count` people, or, `changed`, the same with every hundredth replaced by
 * somebody new. Written once into the cache; the name has this file's own hash in it,
 * so that a list of an older form is never taken.
 */
export async function makePeople(count: number, changed: boolean): Promise<People> {
  const directory = join(cacheDirectory(), 'bench');
  const form = hash('sha256', readFileSync(import.meta.filename)).slice(0, 12);
  const path = join(directory, `people-${count}${changed ? '-changed' : ''}-${form}.csv`);
  const facts = `${path}.json`;
  if (existsSync(facts)) return JSON.parse(readFileSync(facts, 'utf8')) as People;

  await mkdir(directory, { recursive: true });
  await removeOtherForms(directory, form);
  const file = createWriteStream(`${path}.part`);
  const digests: string[] = [];
  let bytes = 0;
  const write = async (text: string): Promise<void> => {
    bytes += Buffer.byteLength(text);
    if (!file.write(text)) await once(file, 'drain');
  };
  await write(`${header}\n`);
  for (let start = 0; start < count; start += 1000) {
    const rows: string[] = [];
    for (let index = start; index < Math.min(start + 1000, count); index++) {
      // Somebody new is a person beyond the end of the list.
      const person = changed && index % 100 === 50 ? count + index : index % mostPeople;
      const address = addressOf(person);
      if (index < mostPeople) digests.push(hash('sha256', address));
      rows.push(`${rowOf(person, address)}\n`);
    }
    await write(rows.join(''));
  }
  file.end();
  await once(file, 'close');
  await rename(`${path}.part`, path);
  const people: People = { path, count, bytes, digest: digestOf(digests) };
  await writeFile(facts, JSON.stringify(people));
  return people;
}

/** Lists of a form that is made no longer: each is 130 MB. */
async function removeOtherForms(directory: string, form: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith('people-') && !name.includes(form)) await rm(join(directory, name));
  }
}

/** As the sandbox tells it: SHA-256 over the sorted digests, each followed by a line feed. */
function digestOf(digests: string[]): string {
  const sum = createHash('sha256');
  for (const digest of digests.sort()) sum.update(`${digest}\n`);
  return sum.digest('hex');
}
