import { request } from 'undici';
import { kindOf } from '../../criteo/exchange.ts';
import { isRecord } from '../../criteo/problems.ts';
import { Fault } from '../../fault.ts';
import type { EntraTokens } from '../entra.ts';
import type { SourceSurroundings } from '../open.ts';
import { Body } from './body.ts';
import { parse } from './page.ts';
import { Pause, waitOf } from './pause.ts';

export interface WebApiLimits {
  /** Deadline of one call, in milliseconds. Dataverse itself gives up a query after two minutes. */
  callTimeoutMs: number;
  /** How often a call is made that fails in passing. */
  attempts: number;
  /** What a run may wait for the rate limit, in milliseconds. */
  throttleBudgetMs: number;
}

export const usualLimits: WebApiLimits = { callTimeoutMs: 150_000, attempts: 5, throttleBudgetMs: 600_000 };

const longestPauseMs = 60_000;

/** The Web API does not do what was asked: a status of 400 to 499 that asking again does not change. */
export class Refused extends Error {
  readonly status: number;
  /** Dataverse's code, such as `0x80060888`; undefined where the reply is not in its envelope. */
  readonly code: string | undefined;

  constructor(status: number, code: string | undefined) {
    super(`status ${status}`);
    this.status = status;
    this.code = code;
  }

  /** @param what of the environment was asked for, as `code` of the fault. */
  toFault(what: string): Fault {
    const { status, code } = this;
    if (status === 403 && code === noApplicationUser) {
      return new Fault('SourceForbidden', { status, code: 'application-user' });
    }
    if (status === 403) return new Fault('SourceForbidden', { status, code: what });
    // Without the envelope it is not Dataverse that answers.
    if (status === 404 && code === undefined) return new Fault('SourceNotFound', { status, code: 'web-api' });
    if (status === 404) return new Fault('SourceNotFound', { status, code: what });
    return new Fault('SourceQueryRefused', { status, code: what });
  }
}

/** The token is good, but the organization knows no such user. */
const noApplicationUser = '0x80072560';

interface Reply {
  status: number;
  retryAfter: string | undefined;
}

/** The Web API of one environment, for reading. */
export class WebApi {
  /** Where resources stand: ends with a slash. */
  readonly root: string;
  readonly #origin: string;
  readonly #tokens: EntraTokens;
  readonly #surroundings: Pick<SourceSurroundings, 'dispatcher' | 'clock' | 'log'>;
  readonly #limits: WebApiLimits;
  readonly #pause: Pause;

  constructor(
    environmentUrl: string,
    tokens: EntraTokens,
    surroundings: Pick<SourceSurroundings, 'dispatcher' | 'clock' | 'log'>,
    limits: WebApiLimits = usualLimits,
  ) {
    this.root = `${environmentUrl.replace(/\/+$/, '')}/api/data/v9.2/`;
    this.#origin = new URL(environmentUrl).origin;
    this.#tokens = tokens;
    this.#surroundings = surroundings;
    this.#limits = limits;
    this.#pause = new Pause(limits.throttleBudgetMs, surroundings.clock);
  }

  /** Whether a link leads to this environment: the token goes nowhere else. */
  isOwn(link: string): boolean {
    const url = URL.parse(link);
    return url !== null && url.origin === this.#origin && url.username === '' && url.password === '';
  }

  /**
   * The body of a reply to a GET, as `read` understands it; it returns undefined where the body is broken. It
   * waits while the environment asks to, fetches a fresh token once where the token is refused, and asks again for
   * what failed in passing: reading twice does no harm.
   * @throws Refused; Fault SourceUnavailable, SourceThrottled, SourceReplyInvalid, SourceCredentialsRefused,
   * SourceTlsNotTrusted; the signal's reason.
   */
  async get<Read>(
    url: string,
    read: (bytes: Buffer) => Read | undefined,
    signal: AbortSignal,
    { pageSize, body = new Body() }: { pageSize?: number; body?: Body } = {},
  ): Promise<Read> {
    let refused: string | undefined;
    for (let attempt = 1; ; ) {
      const token = await this.#tokens(signal, refused);
      // Last of all: between it and the call nothing may take time, or the call comes while there is a new wait.
      await this.#pause.over(signal);
      signal.throwIfAborted();
      const reply = await this.#call(url, token, pageSize, body, signal);
      const status = reply?.status;
      const result = status === 200 ? read(body.bytes) : undefined;
      if (result !== undefined) return result;
      if (status === 429) {
        const seconds = this.#pause.begin(reply?.retryAfter);
        this.#surroundings.log.warn('Dataverse asks to wait', { seconds });
      } else if (status === 401) {
        if (refused !== undefined) throw new Fault('SourceCredentialsRefused', { status });
        refused = token;
      } else {
        if (status !== undefined && isFinal(status)) throw refusal(status, body);
        if (attempt === this.#limits.attempts) throw lastFault(status);
        await this.#backOff(attempt++, reply, signal);
      }
    }
  }

  async #backOff(attempt: number, reply: Reply | undefined, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#surroundings;
    log.warn('a call to Dataverse failed', { attempt, status: reply?.status });
    const ceiling = 1000 * 2 ** attempt;
    const asked = waitOf(reply?.retryAfter, clock.now()) ?? 0;
    const wait = Math.max(asked, ceiling / 2 + (clock.random() * ceiling) / 2);
    await clock.sleep(Math.min(longestPauseMs, Math.round(wait)), signal);
  }

  /** Undefined where no whole reply came. */
  async #call(
    url: string,
    token: string,
    pageSize: number | undefined,
    into: Body,
    signal: AbortSignal,
  ): Promise<Reply | undefined> {
    const { callTimeoutMs } = this.#limits;
    const deadline = AbortSignal.timeout(callTimeoutMs);
    try {
      const { statusCode, headers, body } = await request(url, {
        method: 'GET',
        headers: {
          authorization: `Bearer ${token}`,
          accept: 'application/json',
          'odata-version': '4.0',
          'odata-maxversion': '4.0',
          ...(pageSize === undefined ? {} : { prefer: `odata.maxpagesize=${pageSize}` }),
        },
        dispatcher: this.#surroundings.dispatcher,
        signal: AbortSignal.any([signal, deadline]),
        headersTimeout: callTimeoutMs,
        bodyTimeout: callTimeoutMs,
      });
      await into.read(body);
      const retryAfter = headers['retry-after'];
      return { status: statusCode, retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof Fault) throw error;
      if (!deadline.aborted && kindOf(error) === 'NotTrusted') throw new Fault('SourceTlsNotTrusted');
      return undefined;
    }
  }
}

/** 200 without what was asked for is a reply that broke on its way, as 408 and 5xx are; 501 says that it will never be. */
function isFinal(status: number): boolean {
  return status !== 200 && status !== 408 && (status < 500 || status === 501);
}

function refusal(status: number, { bytes }: Body): Fault | Refused {
  if (status < 400 || status >= 500) return new Fault('SourceReplyInvalid', { status });
  const { error } = parse(bytes.toString('utf8')) ?? {};
  return new Refused(status, isRecord(error) && typeof error.code === 'string' ? error.code : undefined);
}

function lastFault(status: number | undefined): Fault {
  if (status === undefined) return new Fault('SourceUnavailable');
  return new Fault(status === 200 ? 'SourceReplyInvalid' : 'SourceUnavailable', { status });
}
