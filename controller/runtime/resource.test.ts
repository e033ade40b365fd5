import { expect, test } from 'vitest';
import { errorMessage } from './errors.ts';
import { microTime } from './microtime.ts';
import { objectKey, resourcePath, splitKey } from './resource.ts';
import { isNewer } from './resourceversion.ts';
import { atLeast, parseVersion } from './version.ts';

test.each([
  ['ns/a', { namespace: 'ns', name: 'a' }],
  ['a', { name: 'a' }],
])('key %s', (key, ref) => {
  expect(splitKey(key)).toEqual(ref);
  expect(objectKey(ref)).toBe(key);
  expect(objectKey({ metadata: ref })).toBe(key);
});

test('an object without a name has no key', () => {
  expect(() => objectKey({ kind: 'Pod', metadata: {} })).toThrow('metadata.name is missing in a Pod');
});

test('an object of a namespaced resource is not looked for without its namespace', () => {
  const pods = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };
  expect(resourcePath(pods, {})).toBe('/api/v1/pods');
  expect(() => resourcePath(pods, { name: 'a' })).toThrow('namespace is missing: pods "a" lives in one');
});

test('resource versions are compared as the numbers that they are', () => {
  expect(isNewer('10', '9')).toBe(true);
  expect(isNewer('9', '10')).toBe(false);
  expect(isNewer('10', '10')).toBe(false);
  expect(isNewer('90071992547409931', '90071992547409930')).toBe(true);
  expect(isNewer('abc', '9')).toBe(true);
  expect(isNewer('abc', 'abc')).toBe(false);
});

test('a version of a managed cluster is understood', () => {
  const version = parseVersion({ major: '1', minor: '31+', gitVersion: 'v1.31.2-eks-1' });
  expect([
    atLeast(version, 1, 31),
    atLeast(version, 1, 32),
    atLeast(version, 1, 30),
    atLeast(version, 2, 0),
  ]).toEqual([true, false, true, false]);
  expect(() => parseVersion({ major: '1' })).toThrow("the server's version is not understood");
});

test('a MicroTime has six digits', () => {
  expect(microTime(Date.parse('2026-11-22T04:00:00.123Z'))).toBe('2026-11-22T04:00:00.123000Z');
});

test('an error is one line of text, whatever was thrown', () => {
  expect(errorMessage(new Error('two\n  lines'))).toBe('two lines');
  expect(errorMessage(new TypeError())).toBe('TypeError');
  expect(errorMessage('text')).toBe('text');
  expect(errorMessage(undefined)).toBe('undefined');
});
