import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Pool } from 'undici';
import { addressOf } from './people.ts';

/**
 * The least that a first export can take: a one-shot hash for each address, and the
 * digests joined into bodies and posted, one after the other, over one connection. Its
 * own start and the making of the addresses are not measured.
 *
 * node floor.ts URL SEGMENT-ID COUNT, with BENCH_TOKEN; prints {wallMs, cpuMs}.
 */
const [, , url = '', segmentId = '', count = ''] = process.argv;
const batch = 50_000;
const headers = { authorization: `Bearer ${process.env.BENCH_TOKEN}`, 'content-type': 'application/json' };
const path = `/2026-07/marketing-solutions/audience-segments/${segmentId}/contact-list`;
const pool = new Pool(url, { connections: 1 });

const addresses = Array.from({ length: Number(count) }, (_, person) => addressOf(person));
/** For how long this program could have run, and others had the cores; nanoseconds. */
const waited = (): number => Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]);
const waitedBefore = waited();
const cpuStart = process.cpuUsage();
const start = performance.now();
const digests = addresses.map((address) => hash('sha256', address));
for (let from = 0; from < digests.length; from += batch) {
  const identifiers = `"${digests.slice(from, from + batch).join('","')}"`;
  const body = `{"data":{"type":"ContactlistAmendment","attributes":{"operation":"add","identifierType":"email","identifiers":[${identifiers}]}}}`;
  const reply = await pool.request({ method: 'PATCH', path, headers, body });
  await reply.body.dump();
  if (reply.statusCode !== 200) throw new Error(`the sandbox answered ${reply.statusCode}`);
}
const wallMs = performance.now() - start - (waited() - waitedBefore) / 1e6;
const { user, system } = process.cpuUsage(cpuStart);
process.stdout.write(JSON.stringify({ wallMs, cpuMs: (user + system) / 1000, rssMiB: 0 }));
await pool.close();
