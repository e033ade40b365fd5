import { expect, test } from 'vitest';
import { missingTools } from './tools.ts';

test('what is missing is named, wherever the others are', () => {
  const there = ['/opt/pulumi/pulumi'];
  const isExecutable = (file: string): boolean => there.includes(file);
  expect(missingTools('/usr/bin:/opt/pulumi', isExecutable)).toEqual([
    "pulumi-resource-kubernetes (the plugin of Pulumi's Kubernetes provider): not in any directory of PATH",
  ]);
  expect(missingTools('', isExecutable)).toHaveLength(2);
  there.push('/usr/bin/pulumi-resource-kubernetes');
  expect(missingTools('/usr/bin:/opt/pulumi', isExecutable)).toEqual([]);
});

test('a link to the CLI is enough: the CLI finds what comes with it', () => {
  const there = ['/usr/local/bin/pulumi', '/usr/local/bin/pulumi-resource-kubernetes'];
  expect(missingTools('/usr/local/bin', (file) => there.includes(file))).toEqual([]);
});
