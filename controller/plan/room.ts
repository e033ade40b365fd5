import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { placeOf } from './schedule.ts';

/** Between these, in milliseconds, and another for each export: a thousand that wait are not looked at all at once. */
const shortestLookMs = 30_000;
const longestLookMs = 90_000;

/**
 * How long an export whose run waits for others of its connection is left alone, in milliseconds. Who ends wakes only
 * some of those that wait, and such an event may be missed: by this nobody waits for ever.
 */
export function lookForRoomMs(resource: CriteoSegmentExport): number {
  return shortestLookMs + Math.floor(placeOf(resource) * (longestLookMs - shortestLookMs));
}
