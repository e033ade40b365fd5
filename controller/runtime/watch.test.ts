import { expect, test } from 'vitest';
import { isGone } from './errors.ts';
import { decodeWatch } from './watch.ts';

async function decode(...chunks: (string | Uint8Array)[]) {
  async function* body() {
    for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  }
  const names: string[] = [];
  let error: unknown;
  try {
    for await (const { type, object } of decodeWatch(body(), 'watch pods'))
      names.push(`${type} ${object.metadata.name}`);
  } catch (thrown) {
    error = thrown;
  }
  return { names, error };
}

const line = (name: string, type = 'ADDED') =>
  `${JSON.stringify({ type, object: { metadata: { name } } })}\n`;

test('events come out whole, however the network cut them, even within a character', async () => {
  const bytes = Buffer.from(line('blåbær') + line('b', 'DELETED'));
  for (let cut = 1; cut < bytes.length; cut++) {
    const { names, error } = await decode(bytes.subarray(0, cut), bytes.subarray(cut));
    expect(error).toBeUndefined();
    expect(names).toEqual(['ADDED blåbær', 'DELETED b']);
  }
});

test('an ERROR event is thrown with its code, after the events before it', async () => {
  const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 1 (9)' };
  const { names, error } = await decode(line('a'), `${JSON.stringify({ type: 'ERROR', object: status })}\n`);
  expect(names).toEqual(['ADDED a']);
  expect(isGone(error)).toBe(true);
  expect(error).toMatchObject({ reason: 'Expired', message: 'too old resource version: 1 (9)' });
});

test.each([
  [
    'an end within an event',
    [line('a'), line('b').slice(0, 20)],
    'Network',
    'watch pods: ended in the middle of an event',
  ],
  [
    'a line that is not JSON',
    [line('a'), '{"type":"ADDED","object":{"metad\n'],
    'BadReply',
    'watch pods: a line is not JSON',
  ],
  [
    'an unknown type',
    [line('a'), line('b', 'RENAMED')],
    'BadReply',
    'watch pods: an event is of an unknown type, or without an object',
  ],
])('%s is an error, and what came before it counts', async (_, chunks, reason, message) => {
  const { names, error } = await decode(...chunks);
  expect(names).toEqual(['ADDED a']);
  expect(error).toMatchObject({ statusCode: 0, reason, message });
});

test('a watch that ends after a whole event has no error', async () => {
  expect(await decode(line('a'), '\n')).toEqual({ names: ['ADDED a'], error: undefined });
});
