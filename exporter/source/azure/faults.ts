import { RestError } from '@azure/storage-blob';
import { Fault } from '../../fault.ts';
import { isCutOff, StoreNotTrusted } from '../../objectstore/send.ts';
import { statusFault } from '../httpfaults.ts';

/** The store's codes that are told apart, and our own words for them: nothing of its texts leaves the pod. */
const known: Readonly<Record<string, () => Fault>> = {
  // A wrong key, a SAS token or a bearer token that is expired or no good.
  AuthenticationFailed: () => refused('authentication-failed'),
  InvalidAuthenticationInfo: () => refused('authentication-failed'),
  NoAuthenticationInformation: () => refused('authentication-failed'),
  KeyBasedAuthenticationNotPermitted: () => refused('keys-not-permitted'),
  AuthorizationFailure: () => forbidden('authorization-failed'),
  AuthorizationPermissionMismatch: () => forbidden('permission-missing'),
  InsufficientAccountPermissions: () => forbidden('permission-missing'),
  AuthorizationResourceTypeMismatch: () => forbidden('sas-of-another-resource'),
  AuthorizationServiceMismatch: () => forbidden('sas-of-another-service'),
  AuthorizationProtocolMismatch: () => forbidden('sas-of-another-protocol'),
  AuthorizationSourceIPMismatch: () => forbidden('address-not-allowed'),
  PublicAccessNotPermitted: () => forbidden('permission-missing'),
  AccountIsDisabled: () => forbidden('account-disabled'),
  BlobArchived: () => forbidden('blob-archived'),
  BlobBeingRehydrated: () => forbidden('blob-archived'),
  ContainerNotFound: () => missing('no-such-container'),
  ContainerBeingDeleted: () => missing('no-such-container'),
  ContainerDisabled: () => missing('no-such-container'),
  InvalidResourceName: () => missing('no-such-container'),
  ResourceNotFound: () => missing('no-such-account'),
  // It was there when it was found.
  BlobNotFound: () => new Fault('SourceChanged'),
  ConditionNotMet: () => new Fault('SourceChanged'),
  InvalidRange: () => new Fault('SourceChanged'),
  ServerBusy: () => new Fault('SourceThrottled', { code: 'server-busy' }),
};

function refused(code: string): Fault {
  return new Fault('SourceCredentialsRefused', { code });
}

function forbidden(code: string): Fault {
  return new Fault('SourceForbidden', { code });
}

function missing(code: string): Fault {
  return new Fault('SourceNotFound', { code });
}

/** The fault that an error of the SDK means; what is neither the store's nor the way's is handed back. */
export function azureFault(error: unknown): unknown {
  // Of the credentials, which are asked for on the way.
  if (error instanceof Fault) return error;
  if (error instanceof StoreNotTrusted) return new Fault('SourceTlsNotTrusted');
  if (isCutOff(error)) return new Fault('SourceUnavailable');
  if (!(error instanceof RestError)) return error;
  const { statusCode: status } = error;
  const code = codeOf(error);
  const fault = Object.hasOwn(known, code) ? known[code]?.() : undefined;
  if (fault) return fault;
  if (status === undefined && code === RestError.REQUEST_SEND_ERROR) return new Fault('SourceUnavailable');
  // No XML where there should be some.
  if (status === undefined) return new Fault('SourceReplyInvalid', { code: 'unexpected-reply' });
  return statusFault(status);
}

/** Whether the store says that there is no such blob, as opposed to no such container. */
export function isMissingBlob(error: unknown): boolean {
  return error instanceof RestError && codeOf(error) === 'BlobNotFound';
}

/** The SDK reads it in the body alone, which the reply to HEAD does not have. */
function codeOf({ response, code = '' }: RestError): string {
  return response?.headers.get('x-ms-error-code') ?? code;
}
