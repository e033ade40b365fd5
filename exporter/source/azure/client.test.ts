import { expect, test } from 'vitest';
import { accountOf } from './client.ts';

test.each([
  ['https://marketing.blob.core.windows.net', 'marketing'],
  ['https://marketing.blob.core.windows.net/', 'marketing'],
  ['https://marketing.z6.blob.storage.azure.net', 'marketing'],
  ['http://127.0.0.1:10000/devstoreaccount1', 'devstoreaccount1'],
  ['http://azurite:10000/devstoreaccount1/', 'devstoreaccount1'],
])('the account of %s', (endpoint, expected) => {
  expect(accountOf(endpoint)).toBe(expected);
});
