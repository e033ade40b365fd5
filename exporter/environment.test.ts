import { expect, test } from 'vitest';
import { readEnvironment } from './environment.ts';

test('without variables the container\u2019s paths hold', () => {
  expect(readEnvironment({})).toEqual({
    runDocument: '/run/segmentexport/run/run.json',
    credentials: '/run/segmentexport/credentials',
    source: '/run/segmentexport/source',
    sourceCredentials: '/run/segmentexport/source-credentials',
    sourceCa: '/run/segmentexport/source-ca',
    identityToken: '/run/segmentexport/identity/token',
    ledger: '/run/segmentexport/ledger',
    ledgerCredentials: '/run/segmentexport/ledger-credentials',
    caBundle: '/run/segmentexport/ca/ca.crt',
    terminationMessage: '/dev/termination-log',
    run: 'local',
  });
});

test('a budget that is no number of milliseconds is not one', () => {
  const budget = (text: string) => readEnvironment({ SEGMENTEXPORT_RETRY_BUDGET_MS: text }).retryBudgetMs;
  expect(['1500', '0', '-1', '1e3', ''].map(budget)).toEqual([
    1500,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
