import type { Clock } from '../clock.ts';
import type { Credentials } from '../credentials.ts';
import { Fault } from '../fault.ts';
import type { HttpRequest } from './exchange.ts';
import { isPassing, isRecord, problemsIn } from './problems.ts';
import { Refusal } from './refusal.ts';
import { Token } from './token.ts';
import type { Sending, Transport, Unclear } from './transport.ts';

export interface Call {
  method: HttpRequest['method'];
  /** After the version: `/advertisers/me`. */
  path: string;
  /** JSON text, or its bytes. */
  body?: string | Uint8Array;
  /** It changes something at Criteo: refused while nothing permits it. */
  writes?: true;
  /** See Transport.send. */
  repeat?: 'safely' | 'never' | 'spare';
}

export type JsonObject = Record<string, unknown>;

/** Criteo's API of one version, with a token. */
export class Client {
  readonly #transport: Transport;
  readonly #token: Token;
  readonly #root: string;
  #permit: Sending['permit'];

  constructor(
    transport: Transport,
    api: { baseUrl: string; version: string },
    credentials: Credentials,
    clock: Clock,
  ) {
    const baseUrl = api.baseUrl.replace(/\/$/, '');
    this.#transport = transport;
    this.#token = new Token(transport, baseUrl, credentials, clock);
    this.#root = `${baseUrl}/${api.version}`;
  }

  /** From now on calls that write are made, each only where `permit` lets it. */
  permitWrites(permit: NonNullable<Sending['permit']>): void {
    this.#permit = permit;
  }

  /**
   * The body of a reply 200, which may still hold `errors`.
   * @throws Refusal where Criteo refuses the call; Fault CriteoReplyInvalid; the transport's and the token's.
   */
  async call({ method, path, body, writes, repeat }: Call): Promise<JsonObject> {
    // A plan, and a run that does not hold the ledger's lease, change nothing: not by a slip of ours either.
    if (writes && !this.#permit) throw new Error('a call that writes was not permitted');
    const permit = writes ? this.#permit : undefined;
    for (let renewed = false; ; renewed = true) {
      // A call that must not be made twice may well wait for its token.
      const token = await this.#token.get(repeat === 'spare' ? repeat : 'safely');
      const headers: Record<string, string> = {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      const url = `${this.#root}${path}`;
      const reply = await this.#transport.send(
        { method, url, headers, ...(body === undefined ? {} : { body }) },
        { repeat, permit },
      );
      // A token can be revoked before its time; a second one that is refused is no accident.
      if (reply.status === 401 && !renewed) {
        this.#token.forget();
        continue;
      }
      if (reply.status < 200 || reply.status > 299) {
        throw new Refusal(reply.status, problemsIn(reply.json, 'errors'));
      }
      if (!isRecord(reply.json)) throw new Fault('CriteoReplyInvalid', { status: reply.status });
      return reply.json;
    }
  }

  /**
   * As `call`, for a call that is harmless to repeat and whose errors inside a 200 are a
   * failure: those of availability and quota are tried again.
   */
  async callStrictly(call: Call): Promise<JsonObject> {
    for (let attempt = 0; ; attempt++) {
      const json = await this.call(call);
      const errors = problemsIn(json, 'errors');
      if (errors.length === 0) return json;
      if (!errors.every(isPassing)) throw new Refusal(200, errors);
      await this.#transport.budget.pause(attempt, 0, 200);
    }
  }

  /**
   * Waits before something is tried again that no single call decides.
   * @throws Fault CriteoUnavailable where the budget of the run does not reach.
   */
  async pause(attempt: number, unclear?: Unclear): Promise<void> {
    await this.#transport.budget.pause(attempt, unclear?.spentMs ?? 0, unclear?.status);
  }
}
