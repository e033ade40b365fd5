import { randomUUID } from 'node:crypto';

/** Ends a request with this reply. */
export class Failure extends Error {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** An object is sent as JSON, a string as text. */
  readonly body: object | string;
  /** How the request broke the documented contract, without a word of what it asked for. */
  readonly violation: string | undefined;

  constructor(
    status: number,
    body: object | string,
    more: { headers?: Record<string, string>; violation?: string } = {},
  ) {
    super(`status ${status}`);
    this.status = status;
    this.body = body;
    this.headers = more.headers ?? {};
    this.violation = more.violation;
  }
}

/** The envelope of every error of the Web API but 401. */
export function apiEnvelope(code: string, message: string): { error: { code: string; message: string } } {
  return { error: { code, message } };
}

export function apiFailure(
  status: number,
  code: string,
  message: string,
  more: { headers?: Record<string, string>; violation?: string } = {},
): Failure {
  return new Failure(status, apiEnvelope(code, message), more);
}

/** The usual code for a request that names what is not there or says it wrong. */
export const badRequestCode = '0x80060888';

export function badRequest(message: string, violation?: string): Failure {
  return apiFailure(400, badRequestCode, message, violation === undefined ? {} : { violation });
}

export function notPlayed(what: string): Failure {
  return apiFailure(501, 'sandbox-not-played', `The sandbox does not play ${what}.`);
}

export function unknownColumn(column: string, type: string): Failure {
  return badRequest(`Could not find a property named '${column}' on type 'Microsoft.Dynamics.CRM.${type}'.`);
}

/** The three limits of the service protection, by their codes. */
export const protectionMessages: Record<string, string> = {
  '0x80072322': 'Number of requests exceeded the limit of 6000 over time window of 300 seconds.',
  '0x80072321':
    'Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time window of 300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later.',
  '0x80072326': 'Number of concurrent requests exceeded the limit of 52.',
};

const usual: Record<number, [code: string, message: string]> = {
  400: [badRequestCode, 'The request is not valid.'],
  403: ['0x80040220', 'Principal user is missing a privilege.'],
  404: [badRequestCode, 'Resource not found.'],
  429: ['0x80072322', protectionMessages['0x80072322'] ?? ''],
  500: ['0x80040216', 'An unexpected error occurred.'],
  503: ['0x80040224', 'The server is busy and the request was not completed. Try again later.'],
};

/** What the Web API says with a status that a test orders. */
export function orderedApiFailure(status: number, code?: string): Failure {
  if (status === 401) return unauthorized('');
  const [usualCode, message] = usual[status] ?? ['0x80040216', 'An error that the sandbox has no words for.'];
  return apiFailure(status, code ?? usualCode, (code && protectionMessages[code]) || message);
}

/** 401 comes from in front of the Web API: a text, and a header that says where tokens are to be had. */
export function unauthorized(why: string): Failure {
  const challenge = `Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize${why}`;
  return new Failure(401, 'HTTP Error 401 - Unauthorized: Access is denied', {
    headers: { 'www-authenticate': challenge },
  });
}

/** An error of the token endpoint. `code` is the number after AADSTS. */
export function entraFailure(
  status: number,
  error: string,
  code: number,
  words: string,
  now: number,
  violation?: string,
): Failure {
  const traceId = randomUUID();
  const correlationId = randomUUID();
  const timestamp = `${new Date(now).toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const trace = `Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`;
  const body = {
    error,
    error_description: `AADSTS${code}: ${words} ${trace}`,
    error_codes: [code],
    timestamp,
    trace_id: traceId,
    correlation_id: correlationId,
    error_uri: `https://login.microsoftonline.com/error?code=${code}`,
  };
  return new Failure(status, body, violation === undefined ? {} : { violation });
}

/** What the token endpoint says with a status that a test orders. */
export function orderedEntraFailure(status: number, error: string | undefined, now: number): Failure {
  if (status === 429 || status >= 500) {
    const words = 'A transient error has occurred. Please try again.';
    return entraFailure(status, error ?? 'temporarily_unavailable', 90033, words, now);
  }
  if (status === 401) {
    return entraFailure(status, error ?? 'invalid_client', 7000215, 'Invalid client secret provided.', now);
  }
  return entraFailure(status, error ?? 'invalid_request', 900144, 'The request is not valid.', now);
}
