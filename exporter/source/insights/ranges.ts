/**
 * Filters that cut a table into so many parts by the first digits of an id. Each id is in exactly one part, whatever
 * it looks like and in whatever order the server compares texts: the parts lie between the same bounds, and the
 * first and the last are open. Where ids are no hexadecimal digits, parts are only of unequal size.
 */
export function rangeFilters(property: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const from = index === 0 ? [] : [`${property} ge '${bound(index, count)}'`];
    const below = index === count - 1 ? [] : [`${property} lt '${bound(index + 1, count)}'`];
    return [...from, ...below].join(' and ');
  });
}

/** Two digits. */
function bound(index: number, count: number): string {
  return Math.floor((index * 256) / count)
    .toString(16)
    .padStart(2, '0');
}

/** Both conditions; one that is absent asks for nothing. */
export function both(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return `(${one}) and (${other})`;
}
