import type { Clock } from '../clock.ts';
import { Fault } from '../fault.ts';
import { isCutOff } from './send.ts';

/** Opens the bytes of one version of an object, from `start` to before `end`. @throws Fault. */
export type OpenBytes = (start: number, end: number) => Promise<AsyncIterable<Uint8Array>>;

/** How often reading is taken up again before it is given up; each megabyte that was read counts as a new start. */
const maxBreaks = 4;
const bytesOfNewStart = 1024 * 1024;

/**
 * The bytes of an object from `start` to before `end`. Where they break off in mid-stream, they are asked
 * for again from there.
 * @throws Fault SourceUnavailable where they break off again and again; whatever `open` throws; the signal's reason.
 */
export async function* resumed(
  open: OpenBytes,
  start: number,
  end: number,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  let at = start;
  let breaks = 0;
  let lastBreak = start;
  while (at < end) {
    if (breaks > 0) await clock.sleep(250 * 2 ** breaks * clock.random(), signal);
    const bytes = await open(at, end);
    try {
      for await (const chunk of bytes) {
        // A store that does not know ranges goes on.
        const part = chunk.subarray(0, end - at);
        at += part.length;
        yield Buffer.from(part.buffer, part.byteOffset, part.length);
        if (at === end) return;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!isCutOff(error)) throw error;
    }
    breaks = at - lastBreak >= bytesOfNewStart ? 1 : breaks + 1;
    lastBreak = at;
    if (breaks > maxBreaks) throw new Fault('SourceUnavailable');
  }
}

/** What is read, in one piece of memory. */
export async function collected(bytes: AsyncIterable<Buffer>, length: number): Promise<Buffer> {
  const all = Buffer.allocUnsafe(length);
  let at = 0;
  for await (const chunk of bytes) at += chunk.copy(all, at);
  return all;
}
