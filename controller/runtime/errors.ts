/** Why there is no reply from the API server, in `ApiError.reason`. */
export type LocalReason = 'Network' | 'Timeout' | 'Aborted' | 'Credentials' | 'Stalled' | 'BadReply';

/** The part of a Kubernetes `Status` that programs read. */
export interface Status {
  kind?: string;
  code?: number;
  reason?: string;
  message?: string;
  details?: StatusDetails;
}

export interface StatusDetails {
  name?: string;
  kind?: string;
  group?: string;
  causes?: { reason?: string; message?: string; field?: string }[];
  retryAfterSeconds?: number;
}

interface ApiErrorInit {
  statusCode: number;
  reason: string;
  message: string;
  retryAfterMs?: number | undefined;
  details?: StatusDetails | undefined;
  cause?: unknown;
}

const MAX_MESSAGE = 2_000;

/** Everything that can go wrong between here and the API server. The message holds no header, body or token. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status, or the code of a watch's ERROR event; 0 when no reply came. */
  readonly statusCode: number;
  /** `Status.reason` (`NotFound`, `Conflict`, ...), or a `LocalReason`. */
  readonly reason: string;
  /** What the server asked us to wait. */
  readonly retryAfterMs: number | undefined;
  readonly details: StatusDetails | undefined;

  constructor(init: ApiErrorInit) {
    super(init.message.slice(0, MAX_MESSAGE), { cause: init.cause });
    this.statusCode = init.statusCode;
    this.reason = init.reason;
    this.retryAfterMs = init.retryAfterMs;
    this.details = init.details;
  }
}

/** Builds the error for a reply that is not 2xx. `body` is what came, parsed if it was JSON. */
export function errorFromReply(
  statusCode: number,
  body: unknown,
  what: string,
  retryAfterMs?: number,
): ApiError {
  if (!isStatus(body)) {
    // A proxy's or load balancer's page: its text is not ours to repeat.
    return new ApiError({
      statusCode,
      reason: REASONS[statusCode] ?? 'Unknown',
      message: `${what}: HTTP ${statusCode} without a Kubernetes Status`,
      retryAfterMs,
    });
  }
  const seconds = body.details?.retryAfterSeconds;
  return new ApiError({
    statusCode: body.code ?? statusCode,
    reason: body.reason || REASONS[body.code ?? statusCode] || 'Unknown',
    message: body.message ?? `${what}: HTTP ${statusCode}`,
    retryAfterMs: retryAfterMs ?? (seconds ? seconds * 1000 : undefined),
    details: body.details,
  });
}

export function isStatus(body: unknown): body is Status {
  return typeof body === 'object' && body !== null && 'kind' in body && body.kind === 'Status';
}

// What a Status without a reason, or a reply without a Status, means.
const REASONS: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

const has = (statusCode: number) => (error: unknown) =>
  error instanceof ApiError && error.statusCode === statusCode;

export const isNotFound = has(404);
export const isGone = has(410);
export const isInvalid = has(422);
export const isForbidden = has(403);
export const isUnauthorized = has(401);

/** Somebody wrote in between: read again, then decide again. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.statusCode === 409 && error.reason !== 'AlreadyExists';
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof ApiError && error.statusCode === 409 && error.reason === 'AlreadyExists';
}

/** The caller's own signal ended it. */
export function isAborted(error: unknown): boolean {
  return error instanceof ApiError && error.reason === 'Aborted';
}

/** One line of text for logs, whatever was thrown. */
export function errorMessage(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  // Cut first: an API server's word may quote a megabyte of somebody's spaces, over which the expression would brood.
  return text
    .slice(0, 2 * MAX_MESSAGE)
    .replaceAll(/\s*\n\s*/g, ' ')
    .slice(0, MAX_MESSAGE);
}
