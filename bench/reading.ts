import { readFileSync } from 'node:fs';
import { parseRunDocument } from '../api/rundocument.ts';
import { Selection, select } from '../exporter/identity/selection.ts';
import { openSource } from '../exporter/source/open.ts';

/** Loaded, not called: what a run takes beyond this program is to be its work, not its modules. */
export { run } from '../exporter/run.ts';

/**
 * What reading and hashing alone cost: the source of a run document, read by the
 * exporter's own code into its sorted set of digests.
 *
 * node reading.mjs RUN-DOCUMENT SOURCE-DIRECTORY
 */
const [, , documentFile = '', directory = ''] = process.argv;
const document = parseRunDocument(readFileSync(documentFile, 'utf8'));
if (document.kind !== 'Export') throw new Error('not a document of an export');
const { maxProfiles } = document;
const selections = document.segments.map(() => new Selection(maxProfiles + 1));
const signal = new AbortController().signal;
await select(openSource(document, directory), selections, { maxProfiles, signal, onRows: () => undefined });
process.stdout.write(`${selections.map((selection) => selection.drain().length).join(' ')}\n`);
