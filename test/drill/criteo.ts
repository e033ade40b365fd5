import { createHash } from 'node:crypto';
import { sandboxCredentials } from '../integration/exporter/program.ts';
import type { RequestEntry, Sandbox, SegmentView } from '../sandbox/sandbox.ts';
import type { Member } from './slot.ts';
import { addressOf, digestOf } from './story.ts';

/** Criteo's side as the drill sees it: what is in it, and people who work in it by hand. */
export class Criteo {
  readonly sandbox: Sandbox;

  constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
  }

  /** Somebody else's segment, with members of their own. */
  addSegment(advertiserId: string, name: string, members: readonly Member[]): string {
    const identifiers = members.map(addressOf);
    return this.sandbox.addSegment({ advertiserId, name, description: 'by hand', identifiers }).id;
  }

  addForeigners(segmentId: string, members: readonly Member[]): void {
    this.sandbox.changeMembers({ segmentId, identifiers: members.map(addressOf) });
  }

  async deleteByHand(id: string): Promise<void> {
    await this.#byHand('POST', '/delete', { data: [{ id }] });
  }

  async renameByHand(id: string, name: string): Promise<void> {
    await this.#byHand('PATCH', '', { data: [{ id, attributes: { name } }] });
  }

  /**
   * Who is in a segment, of those who may be.
   * @throws Error where somebody else is in it too.
   */
  membersOf({ id, digest }: SegmentView, everybody: readonly Member[]): Set<Member> {
    const members = everybody.filter((member) => this.sandbox.contains(id, digestOf(member)));
    if (digestOfAll(members) !== digest) throw new Error('identifiers that nobody ever put into a source');
    return new Set(members);
  }

  /** Calls since the last `forget` that were to change something. */
  writes(): number {
    return this.sandbox.requests().filter(isWrite).length;
  }

  forget(): void {
    this.sandbox.clearRequests();
  }

  async #byHand(method: string, path: string, body: object): Promise<void> {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: sandboxCredentials.clientId,
      client_secret: sandboxCredentials.clientSecret,
    });
    const reply = await fetch(`${this.sandbox.url}/oauth2/token`, { method: 'POST', body: form });
    const { access_token: token } = (await reply.json()) as { access_token: string };
    const url = `${this.sandbox.url}/2026-07/marketing-solutions/audience-segments${path}`;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const done = await fetch(url, { method, headers, body: JSON.stringify(body) });
    const { errors } = (await done.json()) as { errors: unknown[] };
    if (!done.ok || errors.length > 0) throw new Error(`by hand, ${method}${path} was refused`);
  }
}

function isWrite({ method, path }: RequestEntry): boolean {
  return method === 'PATCH' || method === 'DELETE' || path.endsWith('/create') || path.endsWith('/delete');
}

/** What the sandbox's digest of a segment must be that holds these members. */
export function digestOfAll(members: Iterable<Member>): string {
  const sum = createHash('sha256');
  for (const digest of [...members].map(digestOf).sort()) sum.update(`${digest}\n`);
  return sum.digest('hex');
}
