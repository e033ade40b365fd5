import { createHash } from 'node:crypto';
import { defaultClient } from './options.ts';

/** What the tests of the sandbox send: real HTTP, as any program would. */
export type Reply = { status: number; headers: Headers; body: Record<string, unknown> };

export const root = '/2026-07/marketing-solutions/audience-segments';

export async function askToken(url: string, form: Record<string, string> = {}): Promise<Reply> {
  const fields = {
    grant_type: 'client_credentials',
    client_id: defaultClient.clientId,
    client_secret: defaultClient.clientSecret,
    ...form,
  };
  return read(await fetch(`${url}/oauth2/token`, { method: 'POST', body: new URLSearchParams(fields) }));
}

async function read(response: Response): Promise<Reply> {
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

export class TestClient {
  readonly url: string;
  readonly token: string;

  private constructor(url: string, token: string) {
    this.url = url;
    this.token = token;
  }

  static async connect(url: string, form: Record<string, string> = {}): Promise<TestClient> {
    const { body } = await askToken(url, form);
    return new TestClient(url, String(body.access_token));
  }

  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Reply> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const authorization = `Bearer ${this.token}`;
    const init = { method, headers: { authorization, ...type, ...headers } };
    return read(await fetch(this.url + path, text === undefined ? init : { ...init, body: text }));
  }

  create(name: string, more: Record<string, unknown> = {}): Promise<Reply> {
    const attributes = { advertiserId: '12345', name, contactList: {}, ...more };
    return this.send('POST', `${root}/create`, { data: [{ type: 'AudienceSegment', attributes }] });
  }

  /** Creates a contact list and returns its id. */
  async segment(name: string): Promise<string> {
    const { body } = await this.create(name);
    return String((body.data as { id: string }[])[0]?.id);
  }

  amend(
    id: string,
    operation: string,
    identifiers: unknown[],
    more: Record<string, unknown> = {},
  ): Promise<Reply> {
    const attributes = { operation, identifierType: 'email', identifiers, ...more };
    return this.send('PATCH', `${root}/${id}/contact-list`, {
      data: { type: 'ContactlistAmendment', attributes },
    });
  }

  search(filter: Record<string, unknown> = {}, query = ''): Promise<Reply> {
    return this.send('POST', `${root}/search${query}`, {
      data: { type: 'AudienceSegment', attributes: filter },
    });
  }
}

/** The digest of a set as a reader of README.md would write it. */
export function digestOf(hexDigests: string[]): string {
  const text = [...new Set(hexDigests)].sort().map((hex) => `${hex}\n`);
  return createHash('sha256').update(text.join('')).digest('hex');
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The codes of a reply's `errors` or `warnings`. */
export function codes(reply: Reply, list: 'errors' | 'warnings' = 'errors'): string[] {
  return (reply.body[list] as { code: string }[]).map(({ code }) => code);
}
