import { expect, test } from 'vitest';
import { missingTools } from './tools.ts';

test('what is missing is named, wherever the others are', () => {
  const there = ['/opt/pulumi/pulumi', '/opt/pulumi/pulumi-language-nodejs'];
  const isExecutable = (file: string): boolean => there.includes(file);
  expect(missingTools('/usr/bin:/opt/pulumi', isExecutable)).toEqual([
    "pulumi-resource-kubernetes (the plugin of Pulumi's Kubernetes provider): not in any directory of PATH",
  ]);
  expect(missingTools('', isExecutable)).toHaveLength(3);
  there.push('/usr/bin/pulumi-resource-kubernetes');
  expect(missingTools('/usr/bin:/opt/pulumi', isExecutable)).toEqual([]);
});
