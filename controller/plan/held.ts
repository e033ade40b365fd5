/**
 * Identifiers that Criteo holds, over all segments: undefined where that is not known of each, for a part of them would
 * look like all.
 */
export function heldBy(segments: readonly { held?: number }[] | undefined): number | undefined {
  if (segments === undefined || segments.length === 0) return undefined;
  let sum = 0;
  for (const { held } of segments) {
    if (held === undefined) return undefined;
    sum = Math.min(sum + held, Number.MAX_SAFE_INTEGER);
  }
  return sum;
}
