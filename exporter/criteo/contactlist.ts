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

export type Operation = 'add' | 'remove';

/**
 * Adds digests to a segment or removes them, in batches, and yields what Criteo acknowledged of
 * each. Adding what is there and removing what is not are harmless, so a batch is repeated freely.
 * @param digests 32 bytes each, one after the other.
 * @throws Refusal, Fault CriteoReplyInvalid; and the client's.
 */
export async function* changeIdentifiers(
  client: Client,
  segmentId: string,
  operation: Operation,
  digests: Uint8Array,
): AsyncGenerator<Acknowledged, void> {
  const total = digests.length / digestBytes;
  let size = maxBatch;
  for (let start = 0; start < total; ) {
    const end = Math.min(start + size, total);
    const batch = digests.subarray(start * digestBytes, end * digestBytes);
    try {
      yield await sendBatch(client, segmentId, operation, batch);
      start = end;
    } catch (error) {
      // Something on the way, a proxy as a rule, takes less than Criteo does.
      const tooLarge = error instanceof Refusal && error.status === 413 && size > minBatch;
      if (!tooLarge) throw error;
      size = Math.max(minBatch, Math.floor(size / 2));
    }
  }
}

/**
 * Empties a segment's list, whoever put its identifiers there. Doing it again is harmless.
 * @throws Refusal; and the client's.
 */
export async function emptyContactList(client: Client, segmentId: string): Promise<void> {
  await client.callStrictly({ method: 'DELETE', path: contactListPath(segmentId), writes: true });
}

function contactListPath(segmentId: string): string {
  return `/marketing-solutions/audience-segments/${segmentId}/contact-list`;
}

async function sendBatch(
  client: Client,
  segmentId: string,
  operation: Operation,
  batch: Uint8Array,
): Promise<Acknowledged> {
  const reply = await client.callStrictly({
    method: 'PATCH',
    path: contactListPath(segmentId),
    body: amendment(operation, batch),
    writes: true,
  });
  const attributes = isRecord(reply.data) ? reply.data.attributes : undefined;
  if (!isRecord(attributes)) throw new Fault('CriteoReplyInvalid', { status: 200 });
  const sent = batch.length / digestBytes;
  const invalid = countOf(attributes.nbInvalidIdentifiers) ?? 0;
  // Both counts may be null by the specification; the reply without errors is the acknowledgement.
  return { sent, invalid, valid: countOf(attributes.nbValidIdentifiers) ?? Math.max(0, sent - invalid) };
}

function opening(operation: Operation): string {
  return `{"data":{"type":"ContactlistAmendment","attributes":{"operation":"${operation}","identifierType":"email","identifiers":[`;
}
const closing = ']}}}';

/** The JSON text, as bytes, of an amendment by the digests; at least one. */
export function amendment(operation: Operation, digests: Uint8Array): Buffer {
  // Written in place: as strings, a batch would leave 12 MB for the garbage collector, not 3.
  const bytes = Buffer.from(digests.buffer, digests.byteOffset, digests.byteLength);
  const count = digests.length / digestBytes;
  const head = opening(operation);
  const body = Buffer.allocUnsafe(head.length + count * (2 * digestBytes + 3) - 1 + closing.length);
  let at = body.write(head, 'latin1');
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
