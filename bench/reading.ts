import { readFileSync } from 'node:fs';
import { parseRunDocument } from '../api/rundocument.ts';
import { systemClock } from '../exporter/clock.ts';
import { createDispatcher } from '../exporter/criteo/exchange.ts';
import { Selection, select } from '../exporter/identity/selection.ts';
import { openSource } from '../exporter/source/open.ts';

/** Loaded, not called: what a run takes beyond this program is to be its work, not its modules. */
export { run } from '../exporter/run.ts';

/**
 * What reading and hashing alone cost: the source of a run document, read by the
 * exporter's own code into its sorted set of digests.
 *
 * node reading.mjs RUN-DOCUMENT SOURCE-DIRECTORY; prints {digestBytes, wallMs, cpuMs} of the read alone.
 */
const [, , documentFile = '', directory = ''] = process.argv;
const document = parseRunDocument(readFileSync(documentFile, 'utf8'));
if (document.kind !== 'Export') throw new Error('not a document of an export');
const { maxProfiles } = document;
const selections = document.segments.map(() => new Selection(maxProfiles + 1));
const signal = new AbortController().signal;
const surroundings = {
  directory,
  credentialsDirectory: process.env.BENCH_SOURCE_CREDENTIALS ?? '',
  caDirectory: process.env.BENCH_SOURCE_CA ?? '',
  identityToken: '',
  dispatcher: createDispatcher(''),
  clock: systemClock,
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
};
const cpuStart = process.cpuUsage();
const start = performance.now();
await select(openSource(document, surroundings), selections, {
  maxProfiles,
  signal,
  onRows: () => undefined,
});
const digestBytes = selections.reduce((sum, selection) => sum + selection.drain().length, 0);
const { user, system } = process.cpuUsage(cpuStart);
const cpuMs = (user + system) / 1000;
process.stdout.write(JSON.stringify({ digestBytes, wallMs: performance.now() - start, cpuMs }));
// Connections that are kept alive would keep the program.
process.exit(0);
