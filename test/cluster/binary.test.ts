import { expect, test } from 'vitest';
import { buildFlags, kubernetesVersion, programKey } from './binary.ts';

test('another input, order or division of inputs is another program', () => {
  const keys = [
    ['a', 'b'],
    ['b', 'a'],
    ['ab', ''],
    ['a', 'b', ''],
  ].map(programKey);
  expect(new Set(keys).size).toBe(keys.length);
  expect(programKey(['a', 'b'])).toBe(programKey([Buffer.from('a'), Buffer.from('b')]));
});

test('reads the version that the module requires, and only that', () => {
  expect(kubernetesVersion('require (\n\tk8s.io/kubectl v0.34.4\n\tk8s.io/kubernetes v1.34.4\n)\n')).toBe(
    'v1.34.4',
  );
  expect(() => kubernetesVersion('require k8s.io/kubectl v0.34.4\n')).toThrow('k8s.io/kubernetes');
});

test('the program tells its version as published ones do', () => {
  const flags = buildFlags('v1.34.4').join(' ');
  for (const part of ['gitVersion=v1.34.4', 'gitMajor=1', 'gitMinor=34']) expect(flags).toContain(part);
});
