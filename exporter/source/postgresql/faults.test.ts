import pg from 'pg';
import { expect, test } from 'vitest';
import { databaseFault } from './faults.ts';

test.each([
  ['28P01', 'SourceCredentialsRefused'],
  ['28000', 'SourceCredentialsRefused'],
  ['3D000', 'SourceNotFound'],
  ['42P01', 'SourceNotFound'],
  ['42501', 'SourceForbidden'],
  ['57014', 'SourceTimedOut'],
  ['25006', 'SourceQueryRefused'],
  ['42601', 'SourceQueryRefused'],
  ['0A000', 'SourceQueryRefused'],
  ['22P02', 'SourceQueryRefused'],
  ['55P03', 'SourceUnavailable'],
  ['53300', 'SourceUnavailable'],
  ['57P01', 'SourceUnavailable'],
  ['57P03', 'SourceUnavailable'],
  ['08006', 'SourceUnavailable'],
  ['40001', 'SourceUnavailable'],
])('SQLSTATE %s: %s', (sqlstate, reason) => {
  const error = Object.assign(new pg.DatabaseError('Key (email)=(a@example.com) is odd', 1, 'error'), {
    code: sqlstate,
  });
  const fault = databaseFault(error);
  expect(fault).toMatchObject({ reason, details: { code: `sqlstate-${sqlstate.toLowerCase()}` } });
  expect(`${fault.stack}${JSON.stringify(fault)}`).not.toContain('example.com');
});

test.each([
  ['ECONNREFUSED', 'SourceUnavailable', 'econnrefused'],
  ['ENOTFOUND', 'SourceUnavailable', 'enotfound'],
  ['EPIPE', 'SourceUnavailable', 'epipe'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'SourceTlsNotTrusted', 'depth-zero-self-signed-cert'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'SourceTlsNotTrusted', 'err-tls-cert-altname-invalid'],
])('an error %s of the connection: %s', (name, reason, code) => {
  expect(databaseFault(Object.assign(new Error('db.example.com'), { code: name }))).toMatchObject({
    reason,
    details: { code },
  });
});

test('an error without a code is one that may pass', () => {
  expect(databaseFault(new Error('Connection terminated unexpectedly'))).toMatchObject({
    reason: 'SourceUnavailable',
    details: undefined,
  });
});
