import { expect, test } from 'vitest';
import type { CriteoSegmentExport } from '../api/generated/criteosegmentexport.ts';
import { segmentExport } from './plan/testkit/objects.ts';
import { releaseFinalizers } from './releasefinalizers.ts';
import type { KubeClient } from './runtime/client.ts';
import { ApiError } from './runtime/errors.ts';

const ours = 'segmentexport.io/retire';
const named = (name: string, finalizers: string[], status: object = {}) =>
  segmentExport({ metadata: { name, finalizers }, status });
const conflict = new ApiError({ statusCode: 409, reason: 'Conflict', message: 'conflict' });
const notFound = new ApiError({ statusCode: 404, reason: 'NotFound', message: 'not found' });

/** Lets go of these, with an API server that answers the first patches by `faults`, and has none of `gone` any more. */
async function release(items: CriteoSegmentExport[], faults: ApiError[] = [], gone = new Set<string>()) {
  const patches: [string | undefined, unknown][] = [];
  const lines: string[] = [];
  const client = {
    list: async (_: unknown, { fieldSelector }: { fieldSelector?: string }) => {
      if (fieldSelector === undefined) return { items };
      const name = fieldSelector.replace('metadata.name=', '');
      return { items: gone.has(name) ? [] : [named(name, [ours, 'added-since'])] };
    },
    patch: async (
      _: unknown,
      { name }: { name: string },
      { metadata }: { metadata: { finalizers: string[] } },
    ) => {
      const fault = faults.shift();
      if (fault) throw fault;
      patches.push([name, metadata.finalizers]);
    },
  } as unknown as KubeClient;
  const released = await releaseFinalizers(
    client,
    [],
    (line) => lines.push(line),
    new AbortController().signal,
  );
  return { released, patches, lines };
}

const ledgers = [
  {
    connection: 'nordic',
    segments: [{ criteoSegmentId: '1001', criteoName: 'Readers', advertiserId: '12345' }],
  },
];

test('every export with our finalizer is let go, and what stays at Criteo is printed', async () => {
  const { released, patches, lines } = await release([
    named('filled', [ours, 'theirs'], { ledgers }),
    named('retained', []),
    named('planned', [ours]),
  ]);
  expect(patches).toEqual([
    ['filled', ['theirs']],
    ['planned', []],
  ]);
  expect(released).toBe(2);
  expect(lines[0]).toContain('shop/filled: ');
  expect(lines[0]).toContain('1001 "Readers" of advertiser 12345');
  expect(lines.at(-1)).toBe('2 exports were let go.');
});

test('one that others write to at the same time is let go as it is then', async () => {
  const { patches } = await release([named('busy', [ours])], [conflict, conflict]);
  expect(patches).toEqual([['busy', ['added-since']]]);
});

test('one that is gone meanwhile is no fault', async () => {
  expect((await release([named('gone', [ours])], [notFound])).patches).toEqual([]);
  expect((await release([named('gone', [ours])], [conflict], new Set(['gone']))).patches).toEqual([]);
});
