import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NodeChild } from '../test/support/childprocess.ts';

const secret = 'sandbox-secret';
/** Keys of the Secret, for the exporter. */
export const credentials = { clientId: 'sandbox-client', clientSecret: secret };
export const advertiserId = '12345';

/** A sandbox in a process of its own, so that its work is not measured as anybody else's. */
export class BenchSandbox {
  readonly #child: NodeChild;
  readonly url: string;

  private constructor(child: NodeChild, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async start(directory: string): Promise<BenchSandbox> {
    const secretFile = join(directory, 'sandbox-secret');
    await writeFile(secretFile, secret, { mode: 0o600 });
    const program = join(import.meta.dirname, '../test/sandbox/main.ts');
    const args = ['--calls-per-minute', '0', '--client-secret-file', secretFile];
    const child = new NodeChild(program, args, {});
    await child.said(/http:\/\/[0-9.]+:[0-9]+/);
    return new BenchSandbox(child, /http:\/\/[0-9.]+:[0-9]+/.exec(child.output)?.[0] ?? '');
  }

  async stop(): Promise<void> {
    this.#child.signal('SIGTERM');
    await this.#child.ended;
  }

  /** Forgets everything. */
  async reset(): Promise<void> {
    await this.#control('POST', '/reset');
  }

  /** A token, and the id of an empty segment. */
  async prepareFloor(): Promise<{ token: string; segmentId: string }> {
    const { id } = await this.#control<{ id: string }>('POST', '/segments', { advertiserId, name: 'Floor' });
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: credentials.clientId,
      client_secret: secret,
    });
    const reply = await fetch(`${this.url}/oauth2/token`, { method: 'POST', body: form });
    const { access_token } = (await reply.json()) as { access_token: string };
    return { token: access_token, segmentId: id };
  }

  /** The only segment that there is. */
  async segment(): Promise<{ numberOfIdentifiers: number; digest: string }> {
    const [segment, ...more] = await this.#control<{ numberOfIdentifiers: number; digest: string }[]>(
      'GET',
      '/segments',
    );
    if (!segment || more.length > 0) throw new Error('the sandbox should have one segment');
    return segment;
  }

  /** How many identifiers came since the last time that this was asked. */
  async takeSent(): Promise<number> {
    const requests = await this.#control<{ counts?: { identifiers: number } }[]>('GET', '/requests');
    await this.#control('DELETE', '/requests');
    return requests.reduce((sum, { counts }) => sum + (counts?.identifiers ?? 0), 0);
  }

  async #control<T>(method: string, path: string, body?: object): Promise<T> {
    const reply = await fetch(`${this.url}/sandbox${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!reply.ok) throw new Error(`the sandbox answered ${reply.status} to ${method} ${path}`);
    return (await reply.json()) as T;
  }
}
