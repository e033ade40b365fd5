/**
 * Whether every field of `wanted` is in `observed` with the same value. What the
 * API server, other controllers and people add is theirs.
 */
export function isPartOf(wanted: unknown, observed: unknown): boolean {
  if (wanted === undefined) return true;
  if (wanted === null || typeof wanted !== 'object') return wanted === observed;
  if (observed === null || typeof observed !== 'object') return false;
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(observed) &&
      wanted.length === observed.length &&
      wanted.every((item, index) => isPartOf(item, observed[index]))
    );
  }
  const fields = observed as Record<string, unknown>;
  return Object.entries(wanted).every(([name, value]) => isPartOf(value, fields[name]));
}
