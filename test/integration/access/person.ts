import { Agent, request } from 'undici';
import type { ControlPlane } from '../../cluster/control-plane.ts';
import type { Call, Reply, ReplyBody } from '../../support/apiserver.ts';

interface NamedObject {
  metadata: { name: string };
}

/** What the people of a test ask by: the administrator's certificate, and the headers of impersonation. */
export class Visitors implements AsyncDisposable {
  readonly #agent: Agent;
  readonly #server: string;

  constructor({ server, certificateAuthority, clientCertificate, clientKey }: ControlPlane) {
    this.#server = server;
    this.#agent = new Agent({
      connect: { ca: certificateAuthority, cert: clientCertificate, key: clientKey },
    });
  }

  async callAs(
    username: string,
    path: string,
    { method = 'GET', query = {}, body, contentType = 'application/json' }: Call,
  ): Promise<Reply> {
    const reply = await request(`${this.#server}${path}`, {
      dispatcher: this.#agent,
      method,
      query,
      headers: { accept: 'application/json', 'content-type': contentType, 'impersonate-user': username },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: reply.statusCode, body: (await reply.body.json()) as ReplyBody };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.close();
  }
}

/** Somebody who speaks with the API server, by POST and merge patches as kubectl does. */
export class Person {
  readonly username: string;
  readonly #visitors: Visitors;

  constructor(visitors: Visitors, username: string) {
    this.#visitors = visitors;
    this.username = username;
  }

  call(path: string, options: Call = {}): Promise<Reply> {
    return this.#visitors.callAs(this.username, path, options);
  }

  create(collection: string, object: NamedObject, query: Record<string, string> = {}): Promise<Reply> {
    return this.call(collection, { method: 'POST', body: object, query });
  }

  patch(path: string, body: object): Promise<Reply> {
    return this.call(path, { method: 'PATCH', contentType: 'application/merge-patch+json', body });
  }

  /** As GitOps controllers write, whether the object is there or not. */
  apply(collection: string, object: NamedObject): Promise<Reply> {
    return this.call(`${collection}/${object.metadata.name}`, {
      method: 'PATCH',
      contentType: 'application/apply-patch+yaml',
      query: { fieldManager: 'gitops', force: 'true' },
      body: object,
    });
  }

  remove(path: string): Promise<Reply> {
    return this.call(path, { method: 'DELETE' });
  }
}
