import { type WallClock, type WallTime, wallClock } from '../../api/wallclock.ts';

/**
 * Cron as Kubernetes' CronJob reads it (robfig/cron v3): no package of npm agrees
 * with it about `?`, and about days on which clocks are changed. An expression is
 * one that the CRD has accepted.
 */

/** The values of each field; `anyDay`: one of the two day fields is `*`, so that both must match, not one of them. */
export interface Calendar {
  kind: 'Calendar';
  minutes: Set<number>;
  hours: Set<number>;
  days: Set<number>;
  months: Set<number>;
  weekdays: Set<number>;
  anyDay: boolean;
}

export type Cron = Calendar | { kind: 'Every'; periodMs: number };

const descriptors: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const weekdayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const longestMonths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const unitMs: Record<string, number> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ns: 1e-6,
};
const minuteMs = 60_000;
const hourMs = 3_600_000;

/** As far as is looked ahead; a CronJob does not look further either. */
const maxYears = 5;

/** @throws Error for what is no cron expression. */
export function parseCron(expression: string): Cron {
  const every = /^@every (.+)$/.exec(expression)?.[1];
  if (every !== undefined) return { kind: 'Every', periodMs: periodOf(every) };
  const fields = (descriptors[expression] ?? expression).trim().split(/\s+/);
  const [minute, hour, day, month, weekday] = fields;
  if (fields.length !== 5 || !minute || !hour || !day || !month || !weekday) {
    throw new Error('a cron expression has five fields');
  }
  return {
    kind: 'Calendar',
    minutes: valuesOf(minute, 0, 59),
    hours: valuesOf(hour, 0, 23),
    days: valuesOf(day, 1, 31),
    months: valuesOf(month, 1, 12, monthNames),
    weekdays: valuesOf(weekday, 0, 6, weekdayNames),
    anyDay: isAny(day) || isAny(weekday),
  };
}

/** Whether there is a day in some year on which it fires. */
export function canFire(cron: Calendar): boolean {
  if (!cron.anyDay) return true;
  return [...cron.months].some((month) =>
    [...cron.days].some((day) => day <= (longestMonths[month - 1] ?? 0)),
  );
}

/**
 * The first time after `after` at which it fires, in milliseconds.
 * @throws RangeError for a time zone that this runtime does not know.
 */
export function nextFiring(cron: Calendar, timeZone: string, after: number): number | undefined {
  const clock = wallClock(timeZone);
  let at = (Math.floor(after / minuteMs) + 1) * minuteMs;
  let wall = clock.read(at);
  const lastYear = wall.year + maxYears;
  // Only the first step goes to the beginning of its unit: after a change of clocks by half an hour the later
  // ones go from half past to half past. And a unit is looked at again only when the one below it begins anew,
  // which an hour 0 that is left out never does. Both are Kubernetes' ways, and its runs are what is told here.
  let isFirst = true;
  let unit = 0;
  for (let step = steps[unit]; step !== undefined; step = steps[unit]) {
    if (wall.year > lastYear) return undefined;
    if (step.matches(cron, wall)) {
      unit += 1;
      continue;
    }
    at = step.next(clock, at, isFirst ? step.floor(wall) : wall, isFirst);
    wall = clock.read(at);
    isFirst = false;
    if (step.isNew(wall)) unit = 0;
  }
  return at;
}

interface Step {
  matches: (cron: Calendar, wall: WallTime) => boolean;
  /** The beginning of the unit. */
  floor: (wall: WallTime) => WallTime;
  /** One unit later. */
  next: (clock: WallClock, at: number, wall: WallTime, isFloored: boolean) => number;
  /** The unit above it has begun anew. */
  isNew: (wall: WallTime) => boolean;
}

const steps: Step[] = [
  {
    matches: ({ months }, { month }) => months.has(month),
    floor: (wall) => ({ ...wall, day: 1, hour: 0, minute: 0 }),
    next: (clock, _, wall) => clock.instant({ ...wall, month: wall.month + 1 }),
    isNew: ({ month }) => month === 1,
  },
  {
    matches: isDay,
    floor: (wall) => ({ ...wall, hour: 0, minute: 0 }),
    next: (clock, _, wall) => {
      const at = clock.instant({ ...wall, day: wall.day + 1 });
      // Where midnight is left out, the day begins an hour off.
      const { hour } = clock.read(at);
      return at + (hour > 12 ? 24 - hour : -hour) * hourMs;
    },
    isNew: ({ day }) => day === 1,
  },
  {
    matches: ({ hours }, { hour }) => hours.has(hour),
    floor: (wall) => ({ ...wall, minute: 0 }),
    // Not by the wall: an hour that comes twice fires twice, and one that is left out fires never.
    next: (clock, at, wall, isFloored) => (isFloored ? clock.instant(wall) : at) + hourMs,
    isNew: ({ hour }) => hour === 0,
  },
  {
    matches: ({ minutes }, { minute }) => minutes.has(minute),
    floor: (wall) => wall,
    next: (_, at) => at + minuteMs,
    isNew: ({ minute }) => minute === 0,
  },
];

function isDay(cron: Calendar, wall: WallTime): boolean {
  const day = cron.days.has(wall.day);
  const weekday = cron.weekdays.has(wall.weekday);
  return cron.anyDay ? day && weekday : day || weekday;
}

function valuesOf(field: string, min: number, max: number, names: readonly string[] = []): Set<number> {
  const numberOf = (word: string): number => {
    const index = names.indexOf(word.toLowerCase());
    return index >= 0 ? index + min : Number(word);
  };
  const values = new Set<number>();
  for (const part of field.split(',')) {
    const [range = '', step = '1'] = part.split('/');
    const [low = '', high] = range.split('-');
    const from = low === '*' || low === '?' ? min : numberOf(low);
    const open = low === '*' || low === '?' || (high === undefined && part.includes('/'));
    const to = open ? max : high === undefined ? from : numberOf(high);
    if (!(from >= min && to <= max && from <= to && Number(step) >= 1)) {
      throw new Error(`"${part}" is no part of a cron expression`);
    }
    for (let value = from; value <= to; value += Number(step)) values.add(value);
  }
  return values;
}

/** A step makes a `*` an ordinary list, but for the step 1. */
function isAny(field: string): boolean {
  return field.split(',').some((part) => /^[*?](\/0*1)?$/.test(part));
}

function periodOf(duration: string): number {
  let period = 0;
  for (const [, amount, unit] of duration.matchAll(/(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|μs|ns)/gy)) {
    period += Number(amount) * (unitMs[unit ?? ''] ?? Number.NaN);
  }
  // Whole seconds, and at least one.
  return Math.max(1, Math.floor(period / 1000)) * 1000;
}
