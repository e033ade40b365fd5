import { hash } from 'node:crypto';
import { canonicalJson } from '../../api/hash.ts';
import { Fault } from '../fault.ts';
import { freeze } from './freeze.ts';
import type { Head } from './head.ts';
import { faultOfHeadV1, maxHeadBytes } from './schema.ts';

const format = 'segmentexport.io/ledger';
/** What is written. Every version up to it is read. */
export const currentVersion = 1;

interface Envelope {
  format: typeof format;
  version: number;
  /** SHA-256 of the body's canonical JSON: keys in order, no spaces. */
  checksum: unknown;
  body: unknown;
}

/** By version: the head that a body means. The next version adds a line here and keeps this one. */
const readers: Readonly<Record<number, (body: unknown) => Head | undefined>> = {
  1: (body) => (faultOfHeadV1(body) === undefined ? (body as Head) : undefined),
};

/** @throws Error where the head could not be read back: an error of ours, and the ledger stays as it is. */
export function encodeHead(head: Head): Buffer {
  const wrong = faultOfHeadV1(head);
  if (wrong !== undefined) throw new TypeError(`${wrong} is not valid`);
  const body = canonicalJson(head);
  const start = JSON.stringify({ format, version: currentVersion, checksum: hash('sha256', body) });
  const bytes = Buffer.from(`${start.slice(0, -1)},"body":${body}}\n`);
  if (bytes.length > maxHeadBytes) throw new TypeError('the head is too large');
  return bytes;
}

/**
 * The head that the bytes hold, frozen.
 * @param exportUid whose it must be.
 * @throws Fault LedgerDamaged, LedgerTooNew, LedgerOfAnother.
 */
export function decodeHead(bytes: Uint8Array, exportUid: string): Head {
  const envelope = readEnvelope(bytes);
  // Before the checksum: a newer release may reckon it otherwise.
  if (envelope.version > currentVersion) throw new Fault('LedgerTooNew');
  if (envelope.checksum !== checksumOf(envelope.body)) throw new Fault('LedgerDamaged');
  const head = readers[envelope.version]?.(envelope.body);
  if (!head) throw new Fault('LedgerDamaged');
  if (head.export.uid !== exportUid) {
    throw new Fault('LedgerOfAnother', { owner: `${head.export.namespace}/${head.export.name}` });
  }
  return freeze(head);
}

function checksumOf(body: unknown): string | undefined {
  try {
    return hash('sha256', canonicalJson(body));
  } catch {
    // Nested too deeply to be walked along: nothing of ours.
    return undefined;
  }
}

function readEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length > maxHeadBytes) throw new Fault('LedgerDamaged');
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new Fault('LedgerDamaged');
  }
  if (!isEnvelope(value)) throw new Fault('LedgerDamaged');
  return value;
}

/** Format and version are all that is asked of every version there will ever be. */
function isEnvelope(value: unknown): value is Envelope {
  return (
    typeof value === 'object' &&
    value !== null &&
    'format' in value &&
    value.format === format &&
    'version' in value &&
    Number.isSafeInteger(value.version) &&
    Number(value.version) >= 1
  );
}
