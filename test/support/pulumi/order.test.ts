import { expect, test } from 'vitest';
import { allRequirements, contraryOrder, contraryRemovalOrder } from './order.ts';

const resource = (urn: string, dependencies: string[] = [], parent = 'stack') => ({
  urn,
  parent,
  dependencies,
});
const stack = { urn: 'stack', parent: '', dependencies: [] };
const names = (resources: { urn: string }[]): string => resources.map(({ urn }) => urn).join(' ');

test('what nothing orders comes in the reverse of its registration, and is removed in the order of it', () => {
  const resources = [stack, resource('a'), resource('b'), resource('c')];
  expect(names(contraryOrder(resources))).toBe('stack c b a');
  expect(names(contraryRemovalOrder(resources))).toBe('a b c stack');
});

test('dependencies and parents come first, and go last', () => {
  const resources = [
    stack,
    resource('namespace'),
    resource('roles', ['namespace']),
    resource('x', [], 'roles'),
  ];
  expect(names(contraryOrder(resources))).toBe('stack namespace roles x');
  expect(names(contraryRemovalOrder(resources))).toBe('x roles namespace stack');
});

test('a dependency that is not there, or a circle, is named', () => {
  expect(() => contraryOrder([stack, resource('a', ['gone'])])).toThrow('a needs stack,gone');
  expect(() => contraryOrder([stack, resource('a', ['b']), resource('b', ['a'])])).toThrow('no order');
});

test('all requirements are those of the requirements too', () => {
  const resources = [stack, resource('a'), resource('b', ['a']), resource('c', ['b']), resource('d', ['a'])];
  expect([...allRequirements(resources, 'c')].sort()).toEqual(['a', 'b', 'stack']);
  expect([...allRequirements(resources, 'stack')]).toEqual([]);
});
