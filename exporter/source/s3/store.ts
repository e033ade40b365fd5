import type { Readable } from 'node:stream';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Clock } from '../../clock.ts';
import { Fault } from '../../fault.ts';
import { isMissing, statusOf } from '../../objectstore/s3errors.ts';
import { asDirectory } from '../files/filenames.ts';
import { remoteFile } from '../files/remotefile.ts';
import type { FileStore, StoredEntry, StoredFile } from '../files/store.ts';
import { s3Fault } from './faults.ts';

/** The objects of a bucket. A directory is what keys have before a slash. */
export function s3Store(client: S3Client, bucket: string, clock: Clock): FileStore {
  return new S3Store(client, bucket, clock);
}

interface Found {
  ETag?: string | undefined;
  ContentLength?: number | undefined;
  LastModified?: Date | undefined;
}

class S3Store implements FileStore {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #clock: Clock;

  constructor(client: S3Client, bucket: string, clock: Clock) {
    this.#client = client;
    this.#bucket = bucket;
    this.#clock = clock;
  }

  async find(path: string, signal: AbortSignal): Promise<StoredFile | 'Directory' | undefined> {
    if (!path.endsWith('/')) {
      const found = await this.#head(path, signal);
      if (found) return this.#file(path, found);
    }
    // This also tells a bucket that is not there, which the reply to HEAD does not.
    const below = await this.#page(asDirectory(path), { MaxKeys: 1 }, signal);
    return below.Contents?.length || below.CommonPrefixes?.length ? 'Directory' : undefined;
  }

  async *list(path: string, signal: AbortSignal): AsyncGenerator<StoredEntry, void> {
    const prefix = asDirectory(path);
    let ContinuationToken: string | undefined;
    do {
      const page = await this.#page(prefix, { ContinuationToken }, signal);
      for (const { Key = '', Size: ContentLength, LastModified, ETag } of page.Contents ?? []) {
        const name = Key.slice(prefix.length);
        // The directory's own marker, which some tools make.
        if (name === '') continue;
        yield { kind: 'File', name, file: this.#file(Key, { ContentLength, LastModified, ETag }) };
      }
      for (const { Prefix = '' } of page.CommonPrefixes ?? []) {
        const name = Prefix.slice(prefix.length, -1);
        if (name !== '') yield { kind: 'Directory', name };
      }
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
  }

  async #head(key: string, signal: AbortSignal): Promise<Found | undefined> {
    const input = { Bucket: this.#bucket, Key: key };
    try {
      return await this.#client.send(new HeadObjectCommand(input), { abortSignal: signal });
    } catch (error) {
      if (isMissing(error)) return undefined;
      const status = statusOf(error) ?? 0;
      if (status < 300 || status >= 500) throw this.#fault(error, signal);
    }
    // The reply to HEAD has no body that says why it was refused.
    const body = await this.#get(key, { Range: 'bytes=0-0' }, signal);
    (body.Body as Readable).destroy();
    throw new Fault('SourceReplyInvalid', { code: 'unexpected-reply' });
  }

  async #get(key: string, how: { Range?: string; IfMatch?: string }, signal: AbortSignal) {
    const input = { Bucket: this.#bucket, Key: key, ...how };
    try {
      const reply = await this.#client.send(new GetObjectCommand(input), { abortSignal: signal });
      // One that is not read to its end is cut off, and says so.
      (reply.Body as Readable).on('error', () => undefined);
      return reply;
    } catch (error) {
      throw this.#fault(error, signal);
    }
  }

  async #page(
    Prefix: string,
    how: { MaxKeys?: number; ContinuationToken?: string | undefined },
    signal: AbortSignal,
  ): Promise<ListObjectsV2CommandOutput> {
    const input = { Bucket: this.#bucket, Prefix, Delimiter: '/', ...how };
    try {
      return await this.#client.send(new ListObjectsV2Command(input), { abortSignal: signal });
    } catch (error) {
      throw this.#fault(error, signal);
    }
  }

  #fault(error: unknown, signal: AbortSignal): unknown {
    return signal.aborted ? signal.reason : s3Fault(error);
  }

  #file(key: string, { ETag, ContentLength: size, LastModified: lastModified }: Found): StoredFile {
    const etag = ETag === undefined ? undefined : strong(ETag);
    return remoteFile({ etag, size, lastModified }, (...how) => this.#open(key, ...how), this.#clock);
  }

  async #open(
    key: string,
    tag: string,
    size: number,
    start: number,
    end: number,
    signal: AbortSignal,
  ): Promise<Readable> {
    const isPart = start > 0 || end < size;
    const how = { IfMatch: tag, ...(isPart ? { Range: `bytes=${start}-${end - 1}` } : {}) };
    const { Body, ETag, ContentRange } = await this.#get(key, how, signal);
    const body = Body as Readable;
    const isRight = start === 0 || ContentRange?.startsWith(`bytes ${start}-`) === true;
    // Stores that know no conditions, or no ranges, say neither.
    if (ETag !== undefined && strong(ETag) === tag && isRight) return body;
    body.destroy();
    throw ETag === undefined || !isRight
      ? new Fault('SourceReplyInvalid', { code: 'no-ranges' })
      : new Fault('SourceChanged');
  }
}

/** A proxy that recodes replies marks their tags as weak; a condition takes strong ones only. */
function strong(tag: string): string {
  return tag.replace(/^W\//, '');
}
