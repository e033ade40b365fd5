import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Dispatcher } from 'undici';
import type { S3Place } from '../../api/rundocument.ts';
import { Fault } from '../fault.ts';
import { attempts, createS3Client } from '../objectstore/s3client.ts';
import { isMissing } from '../objectstore/s3errors.ts';
import type { Patience } from '../objectstore/send.ts';
import type { LedgerHome, StoredHead } from './home.ts';
import { notUsable, storeFault } from './s3faults.ts';
import { maxHeadBytes, setNamePattern } from './schema.ts';

const setName = new RegExp(setNamePattern);

export interface StoreKeys {
  accessKeyId: string;
  secretAccessKey: string;
}

export interface StoreLimits {
  /** Of one attempt for a head or a list, in milliseconds; a set may take as long again for each 2 MB. */
  attemptMs: number;
  /** Of a call with all its attempts, reckoned the same way. */
  callMs: number;
}

/** A lease is renewed when half of it is left, 90 s: a store that hangs must not take all of that. */
const defaultLimits: StoreLimits = { attemptMs: 10_000, callMs: 30_000 };
const bytesPerLimit = 2 * 1024 * 1024;

/**
 * A ledger in a bucket of an S3-compatible store, whose conditional writes are its compare-and-swap; the
 * tag is the head's ETag.
 * @param base what the names of its objects begin with, without a slash at its end.
 */
export function s3Home(
  place: S3Place,
  base: string,
  keys: StoreKeys,
  dispatcher: Dispatcher,
  limits: StoreLimits = defaultLimits,
): LedgerHome {
  const patience: Patience = { timeoutMs: limits.attemptMs, of: 'Whole' };
  return new S3Home(createS3Client(place, { ...keys }, dispatcher, patience), place.bucket, base, limits);
}

type Condition = { IfNoneMatch: '*' } | { IfMatch: string };

class S3Home implements LedgerHome {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #base: string;
  readonly #limits: StoreLimits;

  constructor(client: S3Client, bucket: string, base: string, limits: StoreLimits) {
    this.#client = client;
    this.#bucket = bucket;
    this.#base = base;
    this.#limits = limits;
  }

  get #head(): string {
    return `${this.#base}/head.json`;
  }

  async readHead(): Promise<StoredHead | undefined> {
    return await this.#getHead(this.#head);
  }

  async swapHead(bytes: Buffer, tag: string | undefined): Promise<string | undefined> {
    return await this.#swap(this.#head, bytes, tag);
  }

  async writeSet(name: string, bytes: Uint8Array): Promise<void> {
    // Written twice by the SDK's own attempts it is the same set.
    await this.#put(this.#set(name), bytes);
  }

  async readSet(name: string, length: number): Promise<Uint8Array | undefined> {
    return await this.#get(this.#set(name), length, (reply) => collectExactly(reply, length));
  }

  async listSets(): Promise<string[]> {
    const Prefix = `${this.#base}/sets/`;
    const names: string[] = [];
    let ContinuationToken: string | undefined;
    do {
      const input = { Bucket: this.#bucket, Prefix, ContinuationToken };
      const page = await this.#call(0, (options) =>
        this.#client.send(new ListObjectsV2Command(input), options),
      );
      for (const { Key = '' } of page.Contents ?? []) names.push(Key.slice(Prefix.length));
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
    // What else lies there is somebody else's.
    return names.filter((name) => setName.test(name));
  }

  async removeSet(name: string): Promise<void> {
    await this.#remove(this.#set(name));
  }

  async probe(): Promise<void> {
    const key = `${this.#base}/probe-${randomUUID()}`;
    try {
      await this.#prove(key);
    } catch (error) {
      await this.#remove(key).catch(() => undefined);
      throw error;
    }
    await this.#remove(key);
  }

  async destroy(): Promise<void> {
    for (const name of await this.listSets()) await this.removeSet(name);
    await this.#remove(this.#head);
  }

  #set(name: string): string {
    if (!setName.test(name)) throw new TypeError('not a name of a set');
    return `${this.#base}/sets/${name}`;
  }

  /** @throws Fault LedgerNotUsable where the store accepts what it must refuse, or refuses what it must accept. */
  async #prove(key: string): Promise<void> {
    const first = Buffer.from(`a probe, ${randomUUID()}\n`);
    const second = Buffer.from(`another, ${randomUUID()}\n`);
    const tag = await this.#swap(key, first, undefined);
    if (tag === undefined) throw notUsable('no-conditional-writes');
    const neverATag = '"00000000000000000000000000000000"';
    const isSound =
      (await this.#swap(key, second, undefined)) === undefined &&
      (await this.#swap(key, second, neverATag)) === undefined &&
      (await this.#swap(key, second, tag)) !== undefined &&
      (await this.#swap(key, first, tag)) === undefined;
    if (!isSound) throw notUsable('no-conditional-writes');
  }

  /**
   * Whoever was refused or got no answer looks what is there: a first attempt of the SDK may have had its
   * effect though its reply was lost, and the second was then refused because of it. No two heads are equal.
   */
  async #swap(key: string, bytes: Buffer, tag: string | undefined): Promise<string | undefined> {
    const condition: Condition = tag === undefined ? { IfNoneMatch: '*' } : { IfMatch: tag };
    let refusals = 0;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const outcome = await this.#putIf(key, bytes, condition);
      if (typeof outcome === 'object') return outcome.tag;
      const found = await this.#getHead(key);
      if (found?.bytes.equals(bytes)) return found.tag;
      if (found?.tag !== tag) return undefined;
      // As it was: somebody else's write came to nothing, or ours was not carried out yet.
      if (outcome === 'Refused') refusals++;
    }
    // Tags that never match the object's own: something on the way rewrites them.
    if (refusals === attempts) throw notUsable('no-conditional-writes');
    throw new Fault('LedgerUnavailable');
  }

  async #putIf(
    key: string,
    bytes: Buffer,
    condition: Condition,
  ): Promise<{ tag: string } | 'Refused' | 'Unclear'> {
    try {
      const tag = await this.#put(key, bytes, condition);
      return tag === undefined ? 'Unclear' : { tag };
    } catch (error) {
      if (error === missing) return 'Refused';
      if (!mayPass(error)) throw error;
      return error.details?.status === 412 ? 'Refused' : 'Unclear';
    }
  }

  async #put(key: string, bytes: Uint8Array, condition?: Condition): Promise<string | undefined> {
    const ContentType = condition ? 'application/json' : 'application/octet-stream';
    const input = { Bucket: this.#bucket, Key: key, Body: bytes, ContentType, ...condition };
    const { ETag } = await this.#call(bytes.length, (options) =>
      this.#client.send(new PutObjectCommand(input), options),
    );
    return strong(ETag);
  }

  async #getHead(key: string): Promise<StoredHead | undefined> {
    return await this.#get(key, 0, async (reply) => {
      const tag = strong(reply.ETag);
      if (tag === undefined) throw notUsable('no-etag');
      return { tag, bytes: await collectUpTo(reply, maxHeadBytes) };
    });
  }

  async #get<T>(
    key: string,
    length: number,
    read: (reply: GetObjectCommandOutput) => Promise<T>,
  ): Promise<T | undefined> {
    const input = { Bucket: this.#bucket, Key: key };
    for (let attempt = 1; ; attempt++) {
      let hasReply = false;
      try {
        return await this.#call(length, async (options) => {
          const reply = await this.#client.send(new GetObjectCommand(input), options);
          hasReply = true;
          return await read(reply);
        });
      } catch (error) {
        if (error === missing) return undefined;
        // The SDK's own attempts end where the reply's body begins.
        if (!hasReply || !mayPass(error) || attempt === attempts) throw error;
      }
    }
  }

  async #remove(key: string): Promise<void> {
    const input = { Bucket: this.#bucket, Key: key };
    await this.#call(0, (options) => this.#client.send(new DeleteObjectCommand(input), options));
  }

  async #call<T>(
    bytes: number,
    send: (options: { abortSignal: AbortSignal; requestTimeout: number }) => Promise<T>,
  ): Promise<T> {
    const share = 1 + bytes / bytesPerLimit;
    try {
      return await send({
        abortSignal: AbortSignal.timeout(Math.ceil(this.#limits.callMs * share)),
        requestTimeout: Math.ceil(this.#limits.attemptMs * share),
      });
    } catch (error) {
      throw isMissing(error) ? missing : storeFault(error);
    }
  }
}

const missing = new Error('no such object');

function mayPass(error: unknown): error is Fault {
  return error instanceof Fault && error.reason === 'LedgerUnavailable';
}

/** A proxy that recodes replies marks their tags as weak; a condition takes strong ones only. */
function strong(tag: string | undefined): string | undefined {
  return tag?.replace(/^W\//, '');
}

/** The body in one piece of memory: a set may be 32 MB, and the pod has little more. */
async function collectExactly(reply: GetObjectCommandOutput, length: number): Promise<Buffer> {
  const { ContentLength: told = length } = reply;
  const body = bodyOf(reply);
  if (told !== length) {
    body.destroy();
    throw new Fault('LedgerDamaged');
  }
  const bytes = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for await (const chunk of body) {
    if (at + chunk.length > length) throw new Fault('LedgerDamaged');
    bytes.set(chunk, at);
    at += chunk.length;
  }
  if (at !== length) throw new Fault('LedgerDamaged');
  return bytes;
}

async function collectUpTo(reply: GetObjectCommandOutput, maxLength: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bodyOf(reply)) {
    length += chunk.length;
    if (length > maxLength) throw new Fault('LedgerDamaged');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function bodyOf({ Body }: GetObjectCommandOutput): Readable {
  const body = Body as Readable;
  // One that is not read to its end is cut off, and says so.
  return body.on('error', () => undefined);
}
