import { expect, test } from 'vitest';
import { chooseProvider } from './provider.ts';

test('a kubeconfig that the caller names comes before everything else', async () => {
  expect(await chooseProvider({ TEST_KUBECONFIG: '/somewhere' })).toBe('given');
});
