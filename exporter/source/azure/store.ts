import type { ContainerClient } from '@azure/storage-blob';
import type { Clock } from '../../clock.ts';
import { Fault } from '../../fault.ts';
import { StoreUnreachable } from '../../objectstore/send.ts';
import { asDirectory } from '../files/filenames.ts';
import { remoteFile } from '../files/remotefile.ts';
import type { FileStore, StoredEntry, StoredFile } from '../files/store.ts';
import { azureFault, isMissingBlob } from './faults.ts';

/**
 * The blobs of a container, with and without a hierarchical namespace (Data Lake Storage Gen2). A directory
 * is what names have before a slash.
 * @param open asked once, when the first blob is looked for.
 */
export function azureStore(open: () => Promise<ContainerClient>, clock: Clock): FileStore {
  return new AzureStore(open, clock);
}

interface Found {
  etag?: string | undefined;
  contentLength?: number | undefined;
  lastModified?: Date | undefined;
}

class AzureStore implements FileStore {
  readonly #openOnce: () => Promise<ContainerClient>;
  readonly #clock: Clock;
  #client: Promise<ContainerClient> | undefined;

  constructor(open: () => Promise<ContainerClient>, clock: Clock) {
    this.#openOnce = open;
    this.#clock = clock;
  }

  async find(path: string, signal: AbortSignal): Promise<StoredFile | 'Directory' | undefined> {
    if (!path.endsWith('/')) {
      const found = await this.#properties(path, signal);
      if (found === 'Directory') return found;
      if (found) return this.#file(path, found);
    }
    for await (const page of this.#pages(asDirectory(path), 1, signal)) {
      if (page.segment.blobItems.length > 0 || page.segment.blobPrefixes?.length) return 'Directory';
    }
    return undefined;
  }

  async *list(path: string, signal: AbortSignal): AsyncGenerator<StoredEntry, void> {
    const prefix = asDirectory(path);
    for await (const { segment } of this.#pages(prefix, undefined, signal)) {
      for (const blob of segment.blobItems) {
        const name = blob.name.slice(prefix.length);
        if (name === '' || isMarker(blob.metadata)) continue;
        const { etag, contentLength, lastModified } = blob.properties;
        yield { kind: 'File', name, file: this.#file(blob.name, { etag, contentLength, lastModified }) };
      }
      for (const { name } of segment.blobPrefixes ?? []) {
        const below = name.slice(prefix.length, -1);
        if (below !== '') yield { kind: 'Directory', name: below };
      }
    }
  }

  async #open(): Promise<ContainerClient> {
    this.#client ??= this.#openOnce();
    return await this.#client;
  }

  async #properties(name: string, signal: AbortSignal): Promise<Found | 'Directory' | undefined> {
    const client = await this.#open();
    try {
      const found = await client.getBlobClient(name).getProperties({ abortSignal: signal });
      return isMarker(found.metadata) ? 'Directory' : found;
    } catch (error) {
      if (isMissingBlob(error)) return undefined;
      throw this.#fault(error, signal);
    }
  }

  async *#pages(prefix: string, maxPageSize: number | undefined, signal: AbortSignal) {
    const client = await this.#open();
    const options = { prefix, includeMetadata: true, abortSignal: signal };
    const pages = client
      .listBlobsByHierarchy('/', options)
      .byPage(maxPageSize === undefined ? {} : { maxPageSize });
    try {
      yield* pages;
    } catch (error) {
      throw this.#fault(error, signal);
    }
  }

  #fault(error: unknown, signal: AbortSignal): unknown {
    return signal.aborted ? signal.reason : azureFault(error);
  }

  #file(name: string, { etag, contentLength: size, lastModified }: Found): StoredFile {
    const told = { etag: etag === undefined ? undefined : strong(etag), size, lastModified };
    return remoteFile(
      told,
      (tag, _, start, end, signal) => this.#download(name, tag, start, end, signal),
      this.#clock,
    );
  }

  async #download(
    name: string,
    tag: string,
    start: number,
    end: number,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Buffer>> {
    const client = await this.#open();
    const options = { conditions: { ifMatch: tag }, abortSignal: signal, maxRetryRequests: 0 };
    try {
      const reply = await client.getBlobClient(name).download(start, end - start, options);
      const body = reply.readableStreamBody as AsyncIterable<Buffer> & { destroy(): void };
      // A store that knows no conditions.
      if (reply.etag !== undefined && strong(reply.etag) === tag) return breaking(body);
      body.destroy();
      throw new Fault('SourceChanged');
    } catch (error) {
      throw this.#fault(error, signal);
    }
  }
}

/** The SDK says that bytes are missing by a text alone. */
async function* breaking(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield* body;
  } catch {
    throw new StoreUnreachable();
  }
}

/** What stands for a directory where the namespace is hierarchical, and where tools pretend that it is. */
function isMarker(metadata: Record<string, string> | undefined): boolean {
  return Object.entries(metadata ?? {}).some(
    ([name, value]) => name.toLowerCase() === 'hdi_isfolder' && value.toLowerCase() === 'true',
  );
}

/** With its quotes, which lists leave away, and without the mark that proxies add. */
function strong(etag: string): string {
  const tag = etag.replace(/^W\//, '');
  return tag.startsWith('"') ? tag : `"${tag}"`;
}
