import type { Clock } from '../../clock.ts';
import { Fault } from '../../fault.ts';
import { collected, resumed } from '../../objectstore/resume.ts';
import type { StoredFile } from './store.ts';

/** What a store tells of an object. */
export interface ToldOfObject {
  etag?: string | undefined;
  size?: number | undefined;
  lastModified?: Date | undefined;
}

/** Opens the bytes of one version of an object, from `start` to before `end`. */
export type OpenVersion = (
  etag: string,
  size: number,
  start: number,
  end: number,
  signal: AbortSignal,
) => Promise<AsyncIterable<Uint8Array>>;

/**
 * One version of an object, whose bytes are asked for again where they break off.
 * @throws Fault SourceReplyInvalid where the store does not tell a version.
 */
export function remoteFile(told: ToldOfObject, open: OpenVersion, clock: Clock): StoredFile {
  const { etag, size, lastModified } = told;
  // A web server, which has no versions: what is read of it in parts may be of several.
  if (etag === undefined || size === undefined || lastModified === undefined) {
    throw new Fault('SourceReplyInvalid', { code: 'no-etag' });
  }
  const read = (start: number, end: number, signal: AbortSignal): AsyncGenerator<Buffer, void> =>
    resumed((from, to) => open(etag, size, from, to, signal), start, end, clock, signal);
  return {
    size,
    modifiedAt: lastModified.getTime(),
    read: (signal) => read(0, size, signal),
    slice: (start, end, signal) => collected(read(start, end, signal), end - start),
  };
}
