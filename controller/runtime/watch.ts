import { ApiError, errorFromReply } from './errors.ts';
import type { KubeObject } from './resource.ts';

export interface WatchEvent<T extends KubeObject> {
  /** A BOOKMARK's object has nothing but its resourceVersion. */
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: T;
}

const MAX_LINE = 32 * 1024 * 1024;

/**
 * Cuts a watch's bytes into events. Ends when the server ends the watch in good order.
 * @throws ApiError for an ERROR event, for what is not JSON, and for an end in the middle of an event.
 */
export async function* decodeWatch<T extends KubeObject>(
  chunks: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<WatchEvent<T>> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() !== '') yield decodeEvent<T>(line, what);
    }
    if (rest.length > MAX_LINE) throw badReply(`${what}: an event is longer than ${MAX_LINE} characters`);
  }
  if (rest.trim() !== '') {
    throw new ApiError({
      statusCode: 0,
      reason: 'Network',
      message: `${what}: ended in the middle of an event`,
    });
  }
}

function decodeEvent<T extends KubeObject>(line: string, what: string): WatchEvent<T> {
  let event: { type?: unknown; object?: T };
  try {
    event = JSON.parse(line);
  } catch {
    // The text stays out of the message: it may be half a Secret.
    throw badReply(`${what}: a line is not JSON`);
  }
  const { type, object } = event;
  if (type === 'ERROR') throw errorFromReply(500, object, what);
  if (
    (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED' && type !== 'BOOKMARK') ||
    !object?.metadata
  ) {
    throw badReply(`${what}: an event is of an unknown type, or without an object`);
  }
  return { type, object };
}

function badReply(message: string): ApiError {
  return new ApiError({ statusCode: 0, reason: 'BadReply', message });
}
