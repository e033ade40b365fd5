import { resolve } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { clusterStatus } from './cluster.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('a kubeconfig that the caller names by a relative path is found from every directory', async () => {
  vi.stubEnv('TEST_KUBECONFIG', 'some/kubeconfig');
  expect((await clusterStatus()).cluster?.kubeconfigPath).toBe(resolve('some/kubeconfig'));
});
