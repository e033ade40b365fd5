/**
 * A Kubernetes MicroTime, as Leases and Events require it: `2026-11-22T04:00:00.123000Z`.
 * The API server refuses a MicroTime with Date's own three digits.
 */
export function microTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000Z`;
}
