import { Fault } from '../fault.ts';
import type { Client } from './client.ts';
import { markerIn } from './marker.ts';
import { Refusal } from './refusal.ts';
import {
  type Created,
  countIdentifiers,
  createSegment,
  exists,
  listSegments,
  type Segment,
} from './segments.ts';
import { Unclear } from './transport.ts';

/** How often a segment is created and looked for where Criteo answers, but neither has it nor makes it. */
const maxAttempts = 3;

/** The contact-list segments of one advertiser, as Criteo lists them. */
export class SegmentDirectory {
  readonly #client: Client;
  readonly #advertiserId: string;
  /** Whose segments are looked for first, where several have a name. */
  readonly #ownerUid: string;
  #known: Segment[] | undefined;

  constructor(client: Client, advertiserId: string, ownerUid: string) {
    this.#client = client;
    this.#advertiserId = advertiserId;
    this.#ownerUid = ownerUid;
  }

  /** Forgets what Criteo listed: the next look asks again. */
  refresh(): void {
    this.#known = undefined;
  }

  /** The segment of an id; undefined where Criteo neither lists it nor knows it otherwise. */
  async byId(id: string): Promise<Segment | 'Unlisted' | undefined> {
    const listed = (await this.#list()).find((segment) => segment.id === id);
    if (listed) return listed;
    return (await exists(this.#client, id)) ? 'Unlisted' : undefined;
  }

  /** The segment of a name, compared trimmed and without case. */
  async byName(name: string): Promise<Segment | undefined> {
    const named = (await this.#list()).filter((segment) => sameName(segment.name, name));
    // Criteo's names are unique, but by which rule is not documented: two may fold to one.
    return (
      named.find((segment) => markerIn(segment.description)?.uid === this.#ownerUid) ??
      named.find((segment) => segment.name === name) ??
      named[0]
    );
  }

  /**
   * Creates a segment; one that appears meanwhile with our marker is it: an earlier call took effect.
   * @returns its id, or another's segment that has the name.
   * @throws Fault SegmentNameRefused, CriteoReplyInvalid; and the client's.
   */
  async create(name: string, description: string): Promise<string | Segment> {
    for (let attempt = 0; ; attempt++) {
      const created = await this.#create(name, description);
      if (isCreated(created)) return created.id;
      // Whatever became of it, the list says; but a list may lag behind what was written.
      this.refresh();
      if (created instanceof Unclear) {
        await this.#client.pause(attempt, created);
      } else if (attempt + 1 >= maxAttempts) {
        throw created === 'NameTaken'
          ? new Fault('SegmentNameRefused', { code: 'name-must-be-unique' })
          : new Fault('CriteoReplyInvalid', { status: 200 });
      } else if (attempt > 0) {
        await this.#client.pause(attempt);
      }
      const found = await this.byName(name);
      if (found) return markerIn(found.description)?.uid === this.#ownerUid ? found.id : found;
    }
  }

  /** How many identifiers a segment holds: an addition to a refusal, which does not fail for want of it. */
  async count(id: string): Promise<number | undefined> {
    try {
      return await countIdentifiers(this.#client, id);
    } catch (error) {
      if (error instanceof Refusal || (error instanceof Fault && error.reason === 'CriteoReplyInvalid')) {
        return undefined;
      }
      throw error;
    }
  }

  async #create(name: string, description: string): Promise<Created | Unclear> {
    try {
      return await createSegment(this.#client, { advertiserId: this.#advertiserId, name, description });
    } catch (error) {
      if (error instanceof Unclear) return error;
      throw error;
    }
  }

  async #list(): Promise<Segment[]> {
    this.#known ??= await listSegments(this.#client, this.#advertiserId);
    return this.#known;
  }
}

function isCreated(created: Created | Unclear): created is { id: string } {
  return typeof created === 'object' && 'id' in created;
}

/** Names are compared trimmed and without case; by way of upper case, so that ß and ss are one. */
export function foldName(name: string): string {
  return name.trim().normalize('NFC').toUpperCase().toLowerCase();
}

export function sameName(a: string, b: string): boolean {
  return foldName(a) === foldName(b);
}
