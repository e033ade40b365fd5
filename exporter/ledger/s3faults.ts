import { Fault } from '../fault.ts';
import { statusOf } from '../objectstore/s3errors.ts';
import { isCutOff, StoreNotTrusted, StoreUnreachable } from '../objectstore/send.ts';

/** The store's codes that are told apart, and our own words for them: nothing of its texts leaves the pod. */
const known: Readonly<Record<string, () => Fault>> = {
  AccessDenied: () => new Fault('LedgerForbidden', { code: 'access-denied' }),
  InvalidAccessKeyId: () => new Fault('LedgerForbidden', { code: 'unknown-access-key' }),
  XAdminUserNotFound: () => new Fault('LedgerForbidden', { code: 'unknown-access-key' }),
  RequestTimeTooSkewed: () => new Fault('LedgerForbidden', { code: 'clock-skew' }),
  SignatureDoesNotMatch: () => new Fault('LedgerForbidden', { code: 'wrong-secret-key' }),
  NoSuchBucket: () => notUsable('no-such-bucket'),
  InvalidBucketName: () => notUsable('no-such-bucket'),
  PermanentRedirect: () => notUsable('wrong-region'),
  TemporaryRedirect: () => notUsable('wrong-region'),
  AuthorizationHeaderMalformed: () => notUsable('wrong-region'),
  NotImplemented: () => notUsable('no-conditional-writes'),
  QuotaExceeded: () => new Fault('LedgerFull'),
  XMinioStorageFull: () => new Fault('LedgerFull'),
  XMinioAdminBucketQuotaExceeded: () => new Fault('LedgerFull'),
};

/**
 * Timeout, conflict, precondition, throttled. A conditional write that was refused passes too, for whoever
 * looks what is there.
 */
const mayPass: readonly number[] = [408, 409, 412, 429];

export function notUsable(code: string): Fault {
  return new Fault('LedgerNotUsable', { code });
}

/** The fault that an error of the SDK means; what is neither the store's nor the way's is handed back. */
export function storeFault(error: unknown): unknown {
  if (error instanceof StoreNotTrusted) return new Fault('TlsNotTrusted');
  if (error instanceof StoreUnreachable || isCutOff(error)) return new Fault('LedgerUnavailable');
  const status = statusOf(error);
  if (status === undefined || !(error instanceof Error)) return error;
  const fault = Object.hasOwn(known, error.name) ? known[error.name]?.() : undefined;
  if (fault) return fault;
  if (status === 401 || status === 403) return new Fault('LedgerForbidden', { status });
  if (status === 507) return new Fault('LedgerFull');
  if (status >= 500 || mayPass.includes(status)) return new Fault('LedgerUnavailable', { status });
  // A web server, a proxy's page, another service.
  return new Fault('LedgerNotUsable', { code: 'unexpected-reply', status });
}
