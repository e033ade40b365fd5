import { parseTime } from '../../../api/time.ts';

/**
 * Readers for status as it is stored. The types do not hold for an object of another version of the CRD, and one such
 * object must not end the metrics of all.
 */

export function listOf<T>(value: readonly T[] | undefined): readonly T[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : [];
}

export function numberOf(value: number | undefined): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** Seconds since the epoch, as Prometheus counts. */
export function secondsOf(time: string | undefined): number | undefined {
  const milliseconds = typeof time === 'string' ? parseTime(time) : undefined;
  return milliseconds === undefined ? undefined : milliseconds / 1000;
}

/** A word of a closed list, else `Other`: others can write a status, and a label is kept for months. */
export function wordOf(word: unknown, isKnown: (text: string) => boolean): string {
  return typeof word === 'string' && isKnown(word) ? word : 'Other';
}
