import { hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { addressOf } from './people.ts';

/**
 * The least that reading a list can take: a one-shot hash for each address, and the list's
 * bytes read. Its own start and the making of the addresses are not measured.
 *
 * node sourcefloor.ts FILE COUNT; prints {hashing, reading}, each {wallMs, cpuMs}.
 */
const [, , path = '', count = ''] = process.argv;
const chunkBytes = 256 * 1024;

async function timed(work: () => Promise<void> | void): Promise<{ wallMs: number; cpuMs: number }> {
  const cpuStart = process.cpuUsage();
  const start = performance.now();
  await work();
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpuStart);
  return { wallMs, cpuMs: (user + system) / 1000 };
}

const addresses = Array.from({ length: Number(count) }, (_, person) => addressOf(person));
const hashing = await timed(() => {
  for (const address of addresses) hash('sha256', address, 'buffer');
});
const reading = await timed(async () => {
  const file = await open(path);
  const chunk = Buffer.allocUnsafe(chunkBytes);
  while ((await file.read(chunk, 0, chunkBytes, null)).bytesRead > 0);
  await file.close();
});
process.stdout.write(JSON.stringify({ hashing, reading }));
