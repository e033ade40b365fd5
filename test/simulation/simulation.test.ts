import fc from 'fast-check';
import { expect, test } from 'vitest';
import { connectionNames, followedNames, type Kind } from './cluster.ts';
import { kinds } from './process.ts';
import { type Step, Story } from './story.ts';

const oneOf = <T extends string>(...words: T[]) => fc.constantFrom<T>(...words);
const end = oneOf('well', 'well', 'user', 'passing', 'silent', 'guard', 'guard');
const connectionName = fc.constantFrom(...connectionNames);
const value = fc.oneof(
  { weight: 3, arbitrary: fc.constant('new' as const) },
  { weight: 2, arbitrary: oneOf('older', 'same', 'garbage', 'past', 'ahead') },
);

/** What the watches have told when the controller looks: mostly all, at times less. */
const sync = fc.oneof(
  { weight: 3, arbitrary: fc.constant(kinds) },
  { weight: 1, arbitrary: fc.subarray<Kind>([...kinds]) },
  { weight: 1, arbitrary: fc.constant(kinds.filter((kind) => kind !== 'jobs')) },
  { weight: 1, arbitrary: fc.constant(kinds.filter((kind) => kind !== 'export')) },
);
const reconcile = fc.record({ do: fc.constant('reconcile' as const), sync });
const crash = fc
  .tuple(reconcile, fc.integer({ min: 1, max: 5 }))
  .map(([look, crashAfter]) => ({ ...look, crashAfter }));
const policy = oneOf('Empty', 'Empty', 'Delete', 'Retain');

/** A step, and how often it comes among the others. */
const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const happenings: fc.WeightedArbitrary<Step>[] = [
  often(16, reconcile),
  often(4, crash),
  often(4, fc.record({ do: oneOf('request', 'request', 'plan'), value })),
  often(
    6,
    fc.record({ do: oneOf('schedule', 'by hand', 'change', 'suspend', 'resume', 'resume', 'end pods') }),
  ),
  often(
    3,
    fc.record({
      do: fc.constant('connection' as const),
      name: connectionName,
      becomes: oneOf('ready', 'ready', 'broken', 'suspended', 'withdrawn', 'deleted', 'another', 'changed'),
    }),
  ),
  often(5, fc.record({ do: fc.constant('succeed' as const), name: fc.constantFrom(...followedNames) })),
  often(4, fc.record({ do: fc.constant('finish' as const), how: end })),
  often(
    2,
    fc.record({
      do: fc.constant('approve' as const),
      what: oneOf('pending', 'pending', 'pending', 'older', 'garbage'),
    }),
  ),
  often(
    5,
    fc.record({
      do: fc.constant('turn' as const),
      asks: oneOf('request', 'request', 'plan', 'approve', 'approve', 'nobody'),
      how: end,
    }),
  ),
  often(2, fc.record({ do: fc.constant('point' as const), to: connectionName })),
  often(1, fc.record({ do: fc.constant('policy' as const), policy })),
  often(1, fc.record({ do: fc.constant('delete' as const), which: fc.nat(5) })),
  often(1, fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(5, 600, 4000) })),
];
const steps = (maxLength: number) => fc.array(fc.oneof(...happenings), { maxLength, size: 'max' });

/** A life, and at times an end of it, in which just as much may happen. */
const story: fc.Arbitrary<Step[]> = fc.oneof(
  steps(60),
  fc
    .tuple(steps(30), oneOf('delete the export'), steps(8), oneOf('end the namespace', 'end pods'), steps(12))
    .map(([life, deletion, then, fate, rest]) => [...life, { do: deletion }, ...then, { do: fate }, ...rest]),
);

const runs = Number(process.env.SIMULATION_RUNS ?? 150);

/** A failure prints a seed and the shortest story that it found; SIMULATION_RUNS=5000 looks further. */
test.each([
  ['with a ledger', true, 0],
  ['without one', false, 0],
  ['by a clock that is two seconds behind', true, -2000],
])(
  'whatever happens, and whatever the caches know, %s: never two runs at once, no asking lost, nothing at Criteo forgotten',
  async (_, hasLedger, clockAheadMs) => {
    await fc.assert(
      fc.asyncProperty(story, policy, async (happens, first) => {
        const told = new Story({ hasLedger, policy: first, clockAheadMs });
        await told.play(happens);
        expect(await told.end()).toEqual([]);
      }),
      { numRuns: runs },
    );
  },
  60_000 + runs * 100,
);
