import { Fault } from '../fault.ts';
import { digestBytes } from '../identity/digest.ts';
import type { Client } from './client.ts';
import { isRecord } from './problems.ts';
import { Refusal } from './refusal.ts';

/** Criteo's limit on identifiers in one call. */
export const maxBatch = 50_000;
/** A proxy that refuses even this much, some 70 KB, is not to be helped. */
const minBatch = 1_000;

export interface Acknowledged {
  /** Identifiers that were sent. */
  sent: number;
  /** Of these, those that Criteo called valid, and invalid. */
  valid: number;
  invalid: number;
}

/**
 * Adds digests to a segment, in batches, and yields what Criteo acknowledged of each.
 * Adding what is there already is harmless, so a batch is repeated freely.
 * @param digests 32 bytes each, one after the other.
 * @throws Refusal, Fault CriteoReplyInvalid; and the client's.
 */
export async function* addIdentifiers(
  client: Client,
  segmentId: string,
  digests: Uint8Array,
): AsyncGenerator<Acknowledged, void> {
  const total = digests.length / digestBytes;
  let size = maxBatch;
  for (let start = 0; start < total; ) {
    const end = Math.min(start + size, total);
    const batch = digests.subarray(start * digestBytes, end * digestBytes);
    try {
      yield await addBatch(client, segmentId, batch);
      start = end;
    } catch (error) {
      // Something on the way, a proxy as a rule, takes less than Criteo does.
      const tooLarge = error instanceof Refusal && error.status === 413 && size > minBatch;
      if (!tooLarge) throw error;
      size = Math.max(minBatch, Math.floor(size / 2));
    }
  }
}

async function addBatch(client: Client, segmentId: string, batch: Uint8Array): Promise<Acknowledged> {
  const reply = await client.callStrictly({
    method: 'PATCH',
    path: `/marketing-solutions/audience-segments/${segmentId}/contact-list`,
    body: amendment(batch),
  });
  const attributes = isRecord(reply.data) ? reply.data.attributes : undefined;
  if (!isRecord(attributes)) throw new Fault('CriteoReplyInvalid', { status: 200 });
  const sent = batch.length / digestBytes;
  const invalid = countOf(attributes.nbInvalidIdentifiers) ?? 0;
  // Both counts may be null by the specification; the reply without errors is the acknowledgement.
  return { sent, invalid, valid: countOf(attributes.nbValidIdentifiers) ?? Math.max(0, sent - invalid) };
}

const opening =
  '{"data":{"type":"ContactlistAmendment","attributes":{"operation":"add","identifierType":"email","identifiers":[';
const closing = ']}}}';

/** The JSON text, as bytes, of an amendment that adds the digests; at least one. */
export function amendment(digests: Uint8Array): Buffer {
  // Written in place: as strings, a batch would leave 12 MB for the garbage collector, not 3.
  const bytes = Buffer.from(digests.buffer, digests.byteOffset, digests.byteLength);
  const count = digests.length / digestBytes;
  const body = Buffer.allocUnsafe(opening.length + count * (2 * digestBytes + 3) - 1 + closing.length);
  let at = body.write(opening, 'latin1');
  for (let start = 0; start < bytes.length; start += digestBytes) {
    const hex = bytes.toString('hex', start, start + digestBytes);
    at += body.write(start === 0 ? `"${hex}"` : `,"${hex}"`, at, 'latin1');
  }
  body.write(closing, at, 'latin1');
  return body;
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
