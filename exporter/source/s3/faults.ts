import { Fault } from '../../fault.ts';
import { statusOf } from '../../objectstore/s3errors.ts';
import { isCutOff, StoreNotTrusted, StoreUnreachable } from '../../objectstore/send.ts';
import { statusFault } from '../httpfaults.ts';

/** The store's codes that are told apart, and our own words for them: nothing of its texts leaves the pod. */
const known: Readonly<Record<string, () => Fault>> = {
  InvalidAccessKeyId: () => refused('unknown-access-key'),
  XAdminUserNotFound: () => refused('unknown-access-key'),
  SignatureDoesNotMatch: () => refused('wrong-secret-key'),
  ExpiredToken: () => refused('session-expired'),
  ExpiredTokenException: () => refused('session-expired'),
  InvalidToken: () => refused('wrong-session-token'),
  RequestTimeTooSkewed: () => refused('clock-skew'),
  AccessDenied: () => new Fault('SourceForbidden', { code: 'access-denied' }),
  AllAccessDisabled: () => new Fault('SourceForbidden', { code: 'access-denied' }),
  InvalidObjectState: () => new Fault('SourceForbidden', { code: 'object-archived' }),
  NoSuchBucket: () => new Fault('SourceNotFound', { code: 'no-such-bucket' }),
  InvalidBucketName: () => new Fault('SourceNotFound', { code: 'no-such-bucket' }),
  PermanentRedirect: () => new Fault('SourceNotFound', { code: 'wrong-region' }),
  TemporaryRedirect: () => new Fault('SourceNotFound', { code: 'wrong-region' }),
  AuthorizationHeaderMalformed: () => new Fault('SourceNotFound', { code: 'wrong-region' }),
  // It was there when it was found.
  NoSuchKey: () => new Fault('SourceChanged'),
  PreconditionFailed: () => new Fault('SourceChanged'),
  SlowDown: () => new Fault('SourceThrottled', { code: 'slow-down' }),
};

function refused(code: string): Fault {
  return new Fault('SourceCredentialsRefused', { code });
}

/** The fault that an error of the SDK means; what is neither the store's nor the way's is handed back. */
export function s3Fault(error: unknown): unknown {
  // Of the credentials, which the SDK asked for.
  if (error instanceof Fault) return error;
  if (error instanceof StoreNotTrusted) return new Fault('SourceTlsNotTrusted');
  if (error instanceof StoreUnreachable || isCutOff(error)) return new Fault('SourceUnavailable');
  const status = statusOf(error);
  if (status === undefined || !(error instanceof Error)) return error;
  const fault = Object.hasOwn(known, error.name) ? known[error.name]?.() : undefined;
  return fault ?? statusFault(status);
}
