import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Kind } from './cluster.ts';
import { kinds } from './process.ts';
import { type Step, Story } from './story.ts';

const oneOf = <T extends string>(...words: T[]) => fc.constantFrom<T>(...words);

/** What the watches have told when the controller looks: mostly all, at times less. */
const sync = fc.oneof(
  { weight: 3, arbitrary: fc.constant(kinds) },
  { weight: 1, arbitrary: fc.subarray<Kind>([...kinds]) },
  { weight: 1, arbitrary: fc.constant(kinds.filter((kind) => kind !== 'jobs')) },
  { weight: 1, arbitrary: fc.constant(kinds.filter((kind) => kind !== 'export')) },
);
const reconcile = fc.record({ do: fc.constant('reconcile' as const), sync });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: reconcile },
  {
    weight: 4,
    arbitrary: fc
      .tuple(reconcile, fc.integer({ min: 1, max: 4 }))
      .map(([look, crashAfter]) => ({ ...look, crashAfter })),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('request' as const),
      value: fc.oneof(
        { weight: 3, arbitrary: fc.constant('new' as const) },
        { weight: 2, arbitrary: oneOf('older', 'same', 'garbage', 'past', 'ahead') },
      ),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      do: oneOf('schedule', 'by hand', 'change', 'change', 'suspend', 'resume', 'resume', 'end pods'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('connection' as const),
      becomes: oneOf('ready', 'ready', 'broken', 'suspended', 'withdrawn', 'deleted', 'another', 'changed'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('finish' as const),
      how: oneOf('well', 'user', 'passing', 'silent'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), which: fc.nat(5) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(5, 600, 4000) }),
  },
);

/** A failure prints a seed and the shortest story that it found; SIMULATION_RUNS=5000 looks further. */
test('whatever happens, and whatever the caches know: never two runs at once, and no asking lost', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
      const story = new Story();
      await story.play(steps);
      expect(await story.end()).toEqual([]);
    }),
    { numRuns: Number(process.env.SIMULATION_RUNS ?? 150) },
  );
}, 120_000);
