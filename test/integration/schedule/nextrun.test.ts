import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { nextFiring, parseCron } from '../../../controller/plan/cron.ts';
import { kubernetesCron, kubernetesCronProgram } from '../../support/kubernetescron.ts';

/** status.nextRunTime is worth what it agrees with: the library by which Kubernetes starts CronJobs. */

let oracle: string;

beforeAll(async () => {
  oracle = await kubernetesCronProgram(console.info);
}, 300_000);

const zones = ['Etc/UTC', 'Europe/Oslo', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Cairo'];

/** Days on which one of the zones changes its clocks, and ordinary ones. */
const days = [
  '2026-03-08',
  '2026-03-29',
  '2026-04-05',
  '2026-04-24',
  '2026-10-04',
  '2026-10-25',
  '2026-11-01',
  '2026-12-31',
  '2028-02-28',
];

const months = ['JAN', 'feb', 'Mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const weekdays = ['SUN', 'mon', 'Tue', 'wed', 'thu', 'fri', 'sat'];

function part(min: number, max: number, names: readonly string[] = []) {
  const word = fc.oneof(
    fc.integer({ min, max }).map(String),
    ...(names.length > 0 ? [fc.constantFrom(...names)] : []),
  );
  const value = fc.integer({ min, max });
  const step = fc.integer({ min: 1, max: max + 2 });
  return fc.oneof(
    word,
    fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    fc.tuple(value, value, step).map(([a, b, s]) => `${Math.min(a, b)}-${Math.max(a, b)}/${s}`),
    fc.tuple(fc.constantFrom('*', '?'), step).map(([any, s]) => `${any}/${s}`),
    fc.tuple(value, step).map(([a, s]) => `${a}/${s}`),
  );
}

function field(min: number, max: number, names?: readonly string[]) {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('*', '*', '?') },
    {
      weight: 4,
      arbitrary: fc
        .array(part(min, max, names), { minLength: 1, maxLength: 3 })
        .map((parts) => parts.join(',')),
    },
  );
}

const crons = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .tuple(field(0, 59), field(0, 23), field(1, 31), field(1, 12, months), field(0, 6, weekdays))
      .map((fields) => fields.join(' ')),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '@hourly',
      '@daily',
      '@midnight',
      '@weekly',
      '@monthly',
      '@yearly',
      '@annually',
    ),
  },
  // The hours that are left out, or come twice.
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.integer({ min: 0, max: 59 }), fc.integer({ min: 0, max: 3 }))
      .map(([minute, hour]) => `${minute} ${hour} * * *`),
  },
);

const questions = fc.record({
  cron: crons,
  timeZone: fc.constantFrom(...zones),
  after: fc
    .tuple(fc.constantFrom(...days), fc.integer({ min: -86_400, max: 2 * 86_400 }))
    .map(([day, seconds]) => new Date(Date.parse(day) + seconds * 1000).toISOString()),
});

test('the next time is the one at which Kubernetes starts the run', () => {
  const never = { cron: '0 0 30 2 *', timeZone: 'Etc/UTC', after: '2026-11-22T04:00:00.000Z' };
  const asked = [never, ...fc.sample(questions, { numRuns: 4000, seed: 7 })];
  const answers = kubernetesCron(oracle, asked);
  expect(answers).toHaveLength(asked.length);
  const wrong = asked.flatMap(({ cron, timeZone, after }, index) => {
    const parsed = parseCron(cron);
    const next = parsed.kind === 'Calendar' ? nextFiring(parsed, timeZone, Date.parse(after)) : undefined;
    const ours = next === undefined ? 'never' : new Date(next).toISOString().replace('.000Z', 'Z');
    return ours === answers[index] ? [] : [{ cron, timeZone, after, ours, kubernetes: answers[index] }];
  });
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(answers[0]).toBe('never');
});
