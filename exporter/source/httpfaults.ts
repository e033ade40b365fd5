import { Fault } from '../fault.ts';

/** What a store's refusal means by its status alone, where its code says nothing more. */
export function statusFault(status: number): Fault {
  if (status === 412) return new Fault('SourceChanged');
  if (status === 401 || status === 403) return new Fault('SourceForbidden', { status });
  if (status === 429) return new Fault('SourceThrottled', { status });
  if (status >= 500 || status === 408 || status === 409) return new Fault('SourceUnavailable', { status });
  // A web server, a proxy's page, another service.
  return new Fault('SourceReplyInvalid', { code: 'unexpected-reply', status });
}
