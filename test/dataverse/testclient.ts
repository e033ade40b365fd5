import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type DataverseOptions, defaultClient, defaultTenants, startDataverse } from './dataverse.ts';

/** What the tests of the sandbox send: real HTTP, as any program would. */
export type Reply = { status: number; headers: Headers; body: Record<string, unknown> };

export const memberships = 'msdynci_segmentmemberships';
export const profiles = 'msdynci_customerprofiles';

/** A sandbox that ends with its scope. */
export async function start(options: DataverseOptions = {}) {
  const sandbox = await startDataverse(options);
  return Object.assign(sandbox, { [Symbol.asyncDispose]: () => sandbox.close() });
}

async function read(response: Response): Promise<Reply> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? (JSON.parse(text) as Record<string, unknown>) : { text },
  };
}

/** `null` leaves a field out. */
export async function askToken(
  url: string,
  form: Record<string, string | null> = {},
  tenant = defaultTenants[0],
): Promise<Reply> {
  const fields = {
    grant_type: 'client_credentials',
    client_id: defaultClient.clientId,
    client_secret: defaultClient.clientSecret ?? '',
    scope: `${url}/.default`,
    ...form,
  };
  const given = Object.entries(fields).filter((field): field is [string, string] => field[1] !== null);
  const body = new URLSearchParams(given);
  return read(await fetch(`${url}/${tenant}/oauth2/v2.0/token`, { method: 'POST', body }));
}

export class TestClient {
  readonly url: string;
  token: string;

  constructor(url: string, token: string) {
    this.url = url;
    this.token = token;
  }

  static async connect(url: string, form: Record<string, string | null> = {}): Promise<TestClient> {
    const { body } = await askToken(url, form);
    return new TestClient(url, String(body.access_token));
  }

  async follow(link: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> {
    const authorization = `Bearer ${this.token}`;
    const odata = { accept: 'application/json', 'odata-version': '4.0', 'odata-maxversion': '4.0' };
    return read(await fetch(link, { method, headers: { authorization, ...odata, ...headers } }));
  }

  get(resource: string, query: Record<string, string> = {}, size?: number): Promise<Reply> {
    const text = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    const link = `${this.url}/api/data/v9.2/${resource}${text.length === 0 ? '' : `?${text.join('&')}`}`;
    return this.follow(link, prefer(size));
  }

  /** The rows of every page, and how many pages there were. */
  async scan(resource: string, query: Record<string, string> = {}, size?: number) {
    const rows: Record<string, unknown>[] = [];
    let reply = await this.get(resource, query, size);
    let pages = 0;
    for (;;) {
      if (reply.status !== 200) throw new Error(`status ${reply.status}: ${JSON.stringify(reply.body)}`);
      rows.push(...rowsOf(reply));
      pages += 1;
      const link = reply.body['@odata.nextLink'];
      if (typeof link !== 'string') return { rows, pages };
      reply = await this.follow(link, prefer(size));
    }
  }
}

export function prefer(size: number | undefined): Record<string, string> {
  return size === undefined ? {} : { prefer: `odata.maxpagesize=${size}` };
}

export function rowsOf(reply: Reply): Record<string, unknown>[] {
  return reply.body.value as Record<string, unknown>[];
}

export function idsOf(rows: Record<string, unknown>[]): unknown[] {
  return rows.map((row) => row.msdynci_customerid);
}

export function errorOf(reply: Reply): { code: string; message: string } {
  return reply.body.error as { code: string; message: string };
}

export function keyPair(): { publicKey: string; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(), privateKey };
}

export function jwt(claims: Record<string, unknown>, privateKey: KeyObject): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'ES256', typ: 'JWT' })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}
