import { expect, test } from 'vitest';
import type { KubeObject } from './resource.ts';
import { Store } from './store.ts';

const object = (namespace: string, name: string, labels: Record<string, string> = {}): KubeObject => ({
  metadata: { namespace, name, labels },
});
const byTeam = ({ metadata }: KubeObject) => (metadata.labels?.team ? [metadata.labels.team] : []);

test('finds objects by key, reference and namespace', () => {
  const store = new Store();
  const a = object('one', 'a');
  const b = object('two', 'b');
  store.set(a);
  store.set(b);
  expect(store.getByKey('one/a')).toBe(a);
  expect(store.get({ namespace: 'two', name: 'b' })).toBe(b);
  expect(store.list('two')).toEqual([b]);
  expect(store.list()).toEqual([a, b]);
  expect(store.keys()).toEqual(['one/a', 'two/b']);
});

test('finds a cluster-scoped object by its name', () => {
  const store = new Store();
  store.set({ metadata: { name: 'node-1' } });
  expect(store.getByKey('node-1')?.metadata.name).toBe('node-1');
});

test('an index follows an object that changes, and one that goes', () => {
  const store = new Store({ team: byTeam });
  store.set(object('one', 'a', { team: 'red' }));
  store.set(object('one', 'b', { team: 'red' }));
  store.set(object('one', 'a', { team: 'blue' }));
  expect(store.byIndex('team', 'red').map(({ metadata }) => metadata.name)).toEqual(['b']);
  expect(store.byIndex('team', 'blue').map(({ metadata }) => metadata.name)).toEqual(['a']);
  store.delete('one/b');
  expect(store.byIndex('team', 'red')).toEqual([]);
  expect(store.list('one')).toHaveLength(1);
});

test('set and delete tell what was there before', () => {
  const store = new Store();
  const a = object('one', 'a');
  expect(store.set(a)).toBeUndefined();
  expect(store.set(object('one', 'a', { team: 'red' }))).toBe(a);
  expect(store.delete('one/a')?.metadata.labels).toEqual({ team: 'red' });
  expect(store.delete('one/a')).toBeUndefined();
});

test('an unknown index is an error that names those there are', () => {
  expect(() => new Store({ team: byTeam }).byIndex('owner', 'x')).toThrow(
    'no index "owner"; there are: team, namespace',
  );
});
