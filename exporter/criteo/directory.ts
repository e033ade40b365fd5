import type { RunSegment } from '../../api/rundocument.ts';
import { Fault } from '../fault.ts';
import type { Client } from './client.ts';
import { describe, type Owner, ownerIn } from './marker.ts';
import { Refusal } from './refusal.ts';
import { type Created, countIdentifiers, createSegment, listSegments, type Segment } from './segments.ts';
import { Unclear } from './transport.ts';

/** How often a segment is created and looked for where Criteo answers, but neither has it nor makes it. */
const maxAttempts = 3;

/** The segments of one advertiser, as one export may use them. */
export class SegmentDirectory {
  readonly #client: Client;
  readonly #advertiserId: string;
  readonly #owner: Owner;
  /** Goes before the owner marker. */
  readonly #text: string;
  #known: Segment[] | undefined;

  constructor(client: Client, advertiserId: string, owner: Owner, text: string) {
    this.#client = client;
    this.#advertiserId = advertiserId;
    this.#owner = owner;
    this.#text = text;
  }

  /** Forgets what Criteo listed: the next look asks again. */
  refresh(): void {
    this.#known = undefined;
  }

  /**
   * The id of the Criteo segment that the export's segment goes to, created where there is none.
   * @throws Fault SegmentOwnedByAnother, SegmentNotOurs, SegmentReadOnly, SegmentNameRefused,
   * CriteoReplyInvalid; and the client's.
   */
  async open({ criteoName, existing }: RunSegment): Promise<string> {
    for (let attempt = 0; ; attempt++) {
      const found = await this.#find(criteoName);
      if (found) return await this.#admit(found, existing);
      const created = await this.#create(criteoName);
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
    }
  }

  async #create(name: string): Promise<Created | Unclear> {
    const description = describe(this.#text, this.#owner);
    try {
      return await createSegment(this.#client, { advertiserId: this.#advertiserId, name, description });
    } catch (error) {
      if (error instanceof Unclear) return error;
      throw error;
    }
  }

  async #find(name: string): Promise<Segment | undefined> {
    this.#known ??= await listSegments(this.#client, this.#advertiserId);
    const named = this.#known.filter((segment) => fold(segment.name) === fold(name));
    // Criteo's names are unique, but by which rule is not documented: two may fold to one.
    return (
      named.find((segment) => ownerIn(segment.description)?.uid === this.#owner.uid) ??
      named.find((segment) => segment.name === name) ??
      named[0]
    );
  }

  async #admit(segment: Segment, existing: RunSegment['existing']): Promise<string> {
    const owner = ownerIn(segment.description);
    if (owner !== undefined && owner.uid !== this.#owner.uid) {
      // The same name under another uid is this export before it was deleted and made anew, or one of
      // another cluster: only a person can tell, and says so by Keep.
      const namesake = owner.namespace === this.#owner.namespace && owner.name === this.#owner.name;
      if (!namesake || existing === 'Refuse') {
        throw new Fault('SegmentOwnedByAnother', { owner: `${owner.namespace}/${owner.name}` });
      }
    }
    if (owner === undefined && existing === 'Refuse') {
      const count = await this.#count(segment.id);
      throw new Fault('SegmentNotOurs', count === undefined ? undefined : { count });
    }
    if (segment.isReadOnly) throw new Fault('SegmentReadOnly');
    return segment.id;
  }

  /** The count is an addition to the refusal: one that Criteo will not tell does not change it. */
  async #count(id: string): Promise<number | undefined> {
    try {
      return await countIdentifiers(this.#client, id);
    } catch (error) {
      if (error instanceof Refusal || (error instanceof Fault && error.reason === 'CriteoReplyInvalid')) {
        return undefined;
      }
      throw error;
    }
  }
}

function isCreated(created: Created | Unclear): created is { id: string } {
  return typeof created === 'object' && 'id' in created;
}

/** Names are compared trimmed and without case; by way of upper case, so that ß and ss are one. */
function fold(name: string): string {
  return name.trim().normalize('NFC').toUpperCase().toLowerCase();
}
