/** How many resources an operation of Pulumi's treated how: `{create: 41}`. */
export type Changes = Readonly<Record<string, number | undefined>>;

/** By operation: so many, or any number but none. Every other operation is one that was not to be. */
export type Expected = Readonly<Record<string, number | 'some'>>;

/** What differs, such as `2 update, and there should be none`; empty: it is as expected. */
export function differencesOf(changes: Changes, expected: Expected): string[] {
  const operations = new Set([...Object.keys(changes), ...Object.keys(expected)]);
  return [...operations].flatMap((operation) => {
    const count = changes[operation] ?? 0;
    const wanted = expected[operation] ?? 0;
    if (wanted === 'some' ? count > 0 : count === wanted) return [];
    return `${count} ${operation}, and there should be ${wanted === 0 ? 'none' : wanted}`;
  });
}

/** For people: `1 update, 40 same`. */
export function describeChanges(changes: Changes): string {
  const counted = Object.entries(changes).filter(([, count]) => count);
  return counted.map(([operation, count]) => `${count} ${operation}`).join(', ') || 'nothing';
}
