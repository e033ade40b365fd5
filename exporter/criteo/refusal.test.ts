import { expect, test } from 'vitest';
import type { Problem } from './problems.ts';
import { Refusal } from './refusal.ts';

const problem = (type: Problem['type'], code?: string): Problem => ({ type, code });

test.each([
  [401, [], 'CredentialsRefused'],
  [200, [problem('authentication')], 'CredentialsRefused'],
  [403, [], 'PermissionMissing'],
  [400, [problem('access-control')], 'PermissionMissing'],
  [200, [problem('authorization')], 'PermissionMissing'],
  [403, [problem('validation', 'audience-invalid')], 'CriteoRefused'],
  [404, [problem('validation', 'audience-invalid')], 'CriteoRefused'],
  [410, [], 'ApiVersionGone'],
  [413, [], 'CriteoRefused'],
  [302, [], 'CriteoRefused'],
] as const)('%i with %j is %s', (status, problems, reason) => {
  expect(new Refusal(status, problems).toFault()).toMatchObject({ reason, details: { status } });
});
