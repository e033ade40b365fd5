/**
 * Whether resourceVersion `a` is later than `b`. All versions that the Kubernetes API server makes are decimal integers
 * that grow over time; of what is not, nothing is known, and it counts as later when it differs.
 */
export function isNewer(a: string, b: string): boolean {
  const numeric = /^[0-9]+$/;
  if (!numeric.test(a) || !numeric.test(b)) return a !== b;
  // As text, for they can exceed what a number holds exactly.
  const [x, y] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
  return x.length === y.length ? x > y : x.length > y.length;
}
