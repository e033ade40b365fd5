import type { Clock } from '../clock.ts';
import type { Credentials } from '../credentials.ts';
import { Fault } from '../fault.ts';
import { codeOf, isRecord } from './problems.ts';
import type { Sending, Transport } from './transport.ts';

/** A token is replaced this long before it expires, so that none expires on its way. */
const renewEarlyMs = 60_000;

/** The bearer token, fetched when one is needed. */
export class Token {
  readonly #transport: Transport;
  readonly #url: string;
  readonly #credentials: Credentials;
  readonly #clock: Clock;
  #current: { text: string; renewAt: number } | undefined;

  constructor(transport: Transport, baseUrl: string, credentials: Credentials, clock: Clock) {
    this.#transport = transport;
    this.#url = `${baseUrl}/oauth2/token`;
    this.#credentials = credentials;
    this.#clock = clock;
  }

  /** @throws Fault CredentialsRefused, CriteoRefused, CriteoReplyInvalid; and the transport's. */
  async get(repeat?: Sending['repeat']): Promise<string> {
    if (this.#current && this.#clock.now() < this.#current.renewAt) return this.#current.text;
    this.#current = await this.#fetch(repeat);
    return this.#current.text;
  }

  /** Forgets a token that Criteo refused. */
  forget(): void {
    this.#current = undefined;
  }

  async #fetch(repeat: Sending['repeat']): Promise<{ text: string; renewAt: number }> {
    const asked = this.#clock.now();
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: this.#credentials.clientId,
      client_secret: this.#credentials.clientSecret,
    }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
    const reply = await this.#transport.send({ method: 'POST', url: this.#url, headers, body }, { repeat });
    const json = isRecord(reply.json) ? reply.json : {};
    if (reply.status !== 200) throw refusal(reply.status, json.error);
    const { access_token: text, expires_in: seconds } = json;
    // It becomes a header: what cannot stand there is no token.
    if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text))
      throw new Fault('CriteoReplyInvalid', { status: 200 });
    const livesMs = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : 0;
    // One that lives for less than the margin is used for half of its life.
    return { text, renewAt: asked + Math.max(livesMs - renewEarlyMs, livesMs / 2) };
  }
}

/** OAuth's own error envelope: one word, with underscores. */
function refusal(status: number, error: unknown): Fault {
  const code = typeof error === 'string' ? codeOf(error.replaceAll('_', '-')) : undefined;
  const details = code === undefined ? { status } : { status, code };
  const ofCredentials = ['invalid-client', 'unauthorized-client', 'invalid-grant', 'access-denied'];
  const refused = status === 401 || status === 403 || (code !== undefined && ofCredentials.includes(code));
  return new Fault(refused ? 'CredentialsRefused' : 'CriteoRefused', details);
}
