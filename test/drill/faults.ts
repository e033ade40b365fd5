import type { Fault } from '../sandbox/sandbox.ts';
import type { Times } from './exporterprocess.ts';
import type { Random } from './random.ts';

/** Where a fault strikes. */
const anywhere = [
  {},
  { path: '/oauth2/token$' },
  { path: '/advertisers/me$' },
  { path: '/search$' },
] as const;
const writing = [
  { path: '/create$' },
  { path: '/audience-segments/delete$' },
  { method: 'PATCH', path: '/audience-segments$' },
  { method: 'PATCH' },
  { path: '/contact-list$' },
  { path: '/contact-list$' },
  { operation: 'add' },
  { operation: 'add' },
  { operation: 'remove' },
  { operation: 'remove' },
  { operation: 'empty' },
] as const;
const ofLists = [
  { operation: 'add' },
  { operation: 'add' },
  { operation: 'remove' },
  { operation: 'remove' },
  { operation: 'empty' },
] as const;

const weights = {
  throttled: 3,
  unauthorized: 3,
  failed: 5,
  failedAfter: 4,
  resetBefore: 3,
  resetAfter: 5,
  half: 4,
  malformed: 1,
  delayed: 3,
  late: 9,
  resetLate: 5,
  errors: 4,
  gone: 4,
};

/** Some faults for a run; none at times. `late` ones only where an effect that comes later is not in the way. */
export function faultsFor(random: Random, times: Times, withLate: boolean): Fault[] {
  if (random.chance(20)) return [];
  const count = random.whole(1, 5);
  const faults: Fault[] = [];
  for (let index = 0; index < count; index++) {
    const kind = random.weighted(weights);
    if (!withLate && (kind === 'late' || kind === 'resetLate')) continue;
    faults.push(faultOf(kind, random, times));
  }
  return faults;
}

/** A fault that meets the emptying of a segment that is taken over. */
export function faultOfEmptying(random: Random, times: Times, withLate: boolean): Fault {
  const operation = 'empty';
  if (withLate && random.chance(60)) {
    const milliseconds = random.whole(50, times.lateMs);
    return { kind: random.one(['late', 'resetLate']), milliseconds, operation };
  }
  return random.one<Fault>([
    { kind: 'resetAfter', operation },
    { kind: 'status', status: 503, applied: true, operation },
    { kind: 'status', status: 404, code: 'audience-invalid', operation, times: 2 },
  ]);
}

function faultOf(kind: keyof typeof weights, random: Random, times: Times): Fault {
  const where = random.chance(80) ? random.one(writing) : random.one(anywhere);
  const often = { skip: Number(random.weighted({ 0: 6, 1: 3, 2: 1 })), times: random.chance(80) ? 1 : 2 };
  switch (kind) {
    case 'throttled':
      return { kind: 'status', status: 429, resetSeconds: 0, ...where, ...often };
    case 'unauthorized':
      return {
        kind: 'status',
        status: 401,
        code: 'authorization-token-expired',
        ...random.one(writing),
        ...often,
      };
    case 'failed':
      return { kind: 'status', status: random.one([500, 503]), ...where, ...often };
    case 'failedAfter':
      return {
        kind: 'status',
        status: random.one([500, 503]),
        applied: true,
        ...random.one(writing),
        ...often,
      };
    case 'resetBefore':
    case 'resetAfter':
      return { kind, ...where, ...often };
    case 'half':
      return { kind: 'halfReply', ...where, ...often };
    case 'malformed':
      return { kind, ...random.one(writing), ...often };
    case 'delayed':
      return { kind: 'delay', milliseconds: times.callTimeoutMs + 100, ...random.one(writing), ...often };
    case 'late':
    case 'resetLate':
      return { kind, milliseconds: random.whole(1, times.lateMs), ...random.one(ofLists), ...often };
    case 'errors': {
      const type = random.one(['availability', 'quota', 'validation']);
      return { kind, problem: { type, code: `drill-${type}` }, ...random.one(writing), ...often };
    }
    case 'gone':
      return { kind: 'status', status: 404, code: 'audience-invalid', path: '/contact-list$', ...often };
  }
}
