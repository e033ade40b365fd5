/**
 * Of a machine that does much else: a call that got no answer, the words of an API server that has none, a Lease that was
 * not renewed in time. Such things are tried again, and are nobody's doing.
 */
const passing = [
  /"error":"[A-Z]+ \//,
  /etcdserver: |context deadline exceeded|did not complete|too many requests|currently unable/i,
  /"msg":"lost the lease"/,
];

/** Lines of these levels in what controllers wrote, but for what passes. */
export function complaintsOf(output: string, levels: readonly ('warn' | 'error')[]): string[] {
  return output
    .split('\n')
    .filter((line) => levels.some((level) => line.includes(`"level":"${level}"`)))
    .filter((line) => !passing.some((words) => words.test(line)));
}
