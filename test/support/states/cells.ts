import type { Sample } from './samples.ts';
import type { Condition, Seen, ToldEvent } from './sight.ts';

/*
 * The words of docs/states.md for what was seen. Pure.
 */

const nothing = '-';

/** `Ready=False SourceNotFound, Stalled, LastRunSucceeded=False SourceNotFound`. */
export function conditionsCell(object: Seen | undefined): string {
  const conditions = object?.status?.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  const words = conditions.map((condition) => {
    // Reconciling and Stalled stand for what Ready says.
    const echoes = condition.status === 'True' && condition.type !== 'Ready' && isEcho(condition, ready);
    return echoes ? condition.type : `${condition.type}=${condition.status} ${condition.reason}`;
  });
  return listed(words);
}

function isEcho(condition: Condition, ready: Condition | undefined): boolean {
  return condition.reason === ready?.reason && condition.message === ready.message;
}

/** Each reason in the order in which it was first told, and how often where that is more than once; bold: a warning. */
export function eventsCell(events: readonly ToldEvent[]): string {
  const counts = new Map<string, number>();
  for (const { type, reason, count } of events) {
    const word = type === 'Warning' ? `**${reason}**` : reason;
    counts.set(word, (counts.get(word) ?? 0) + count);
  }
  return listed([...counts].map(([word, count]) => (count === 1 ? word : `${word} x${count}`)));
}

/** What was told since `before`. The same told again within minutes is one event of the API, with a count. */
export function toldSince(before: readonly ToldEvent[], events: readonly ToldEvent[]): ToldEvent[] {
  const counts = new Map(before.map(({ uid, count }) => [uid, count]));
  return events
    .map((event) => ({ ...event, count: event.count - (counts.get(event.uid) ?? 0) }))
    .filter(({ count }) => count > 0);
}

/** `False / Failed / 3`, as kubectl prints it. */
export function columnsCell(printed: Record<string, string>, titles: readonly string[]): string {
  return titles.map((title) => printed[title] || nothing).join(' / ');
}

/** The words of the document where the sentence has them, else the sentence. */
export function sentenceCell(sentence: string, wanted: string | undefined): string {
  if (sentence === '') return nothing;
  return wanted !== undefined && sentence.includes(wanted) ? wanted : sentence;
}

/** Those of an export that say what state it is in; times and durations are told by their names. */
const told = [
  'suspended',
  'pending_approval',
  'waiting_runs',
  'active_run_start_timestamp_seconds',
  'next_run_timestamp_seconds',
  'last_skipped_run_timestamp_seconds',
  'consecutive_failures',
];

/**
 * Gauges that are not 0, and what the counter of runs rose by since `before`.
 * Where the series of conditions are not those of status, that is the cell.
 */
export function metricsCell(
  object: Seen | undefined,
  samples: readonly Sample[] | undefined,
  before: readonly Sample[] | undefined,
): string {
  if (samples === undefined) return nothing;
  const prefix = object?.kind === 'CriteoConnection' ? 'criteo_connection_' : 'criteo_export_';
  const { series, conditions, areEqual } = conditionsTwice(object, samples);
  if (!areEqual) return `${prefix}condition is [${series}], the conditions are [${conditions}]`;
  const gauges = told.flatMap((name) => {
    const sample = samples.find((candidate) => candidate.name === prefix + name);
    if (!sample || sample.value === 0) return [];
    return [name.endsWith('_seconds') ? name : `${name} ${sample.value}`];
  });
  const runs = samples.filter(({ name }) => name === `${prefix}runs_total`);
  const counters = runs.flatMap(({ labels: { outcome = '' }, value }) => {
    const then = before?.find(
      ({ name, labels }) => name === `${prefix}runs_total` && labels.outcome === outcome,
    );
    const risen = value - (then?.value ?? 0);
    return risen === 0 ? [] : [`runs_total{outcome="${outcome}"} ${risen}`];
  });
  return listed([...gauges, ...counters]);
}

/**
 * The conditions as /metrics and as status have them. The cache that the series come from is a moment behind, and counts
 * the end of a run as it takes the conditions in.
 */
export function conditionsTwice(
  object: Seen | undefined,
  samples: readonly Sample[],
): { series: string[]; conditions: string[]; areEqual: boolean } {
  const series = samples.filter(({ name }) => name.endsWith('_condition')).map(({ labels }) => words(labels));
  const conditions = (object?.status?.conditions ?? []).map(words);
  return { series, conditions, areEqual: series.toSorted().join() === conditions.toSorted().join() };
}

function words({ type, status, reason }: { type?: string; status?: string; reason?: string }): string {
  return `${type}=${status} ${reason}`;
}

function listed(items: readonly string[]): string {
  return items.length === 0 ? nothing : items.join(', ');
}
