import fc from 'fast-check';
import { expect, test } from 'vitest';
import { both, rangeFilters } from './ranges.ts';

/** Whether an id meets a filter, for one order of texts. */
function meets(id: string, filter: string, compare: (a: string, b: string) => number): boolean {
  return filter.split(' and ').every((part) => {
    const [, operator, bound = ''] = /^id (ge|lt) '(.*)'$/.exec(part) ?? [];
    const order = compare(id, bound);
    return operator === 'ge' ? order >= 0 : operator === 'lt' && order < 0;
  });
}

const orders: ((a: string, b: string) => number)[] = [
  (a, b) => (a < b ? -1 : a > b ? 1 : 0),
  (a, b) => a.localeCompare(b),
  (a, b) => a.toLowerCase().localeCompare(b.toLowerCase()),
];

test('each id is in exactly one part, whatever it is and however texts are ordered', () => {
  const id = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[0-9a-fA-F]{1,4}$/),
    fc.constantFrom('', '~', 'Å', 'g', 'G'),
  );
  fc.assert(
    fc.property(id, fc.integer({ min: 2, max: 64 }), fc.constantFrom(...orders), (each, count, compare) => {
      const filters = rangeFilters('id', count);
      expect(filters).toHaveLength(count);
      expect(filters.filter((filter) => meets(each, filter, compare))).toHaveLength(1);
    }),
  );
});

test('ids of hexadecimal digits are spread over all parts', () => {
  expect(rangeFilters('id', 4)).toEqual([
    "id lt '40'",
    "id ge '40' and id lt '80'",
    "id ge '80' and id lt 'c0'",
    "id ge 'c0'",
  ]);
});

test('conditions are put together', () => {
  expect(both(undefined, undefined)).toBeUndefined();
  expect(both('a', undefined)).toBe('a');
  expect(both('a', 'b or c')).toBe('(a) and (b or c)');
});
