import { type ByHand, checked, type ForeignMembers, type ForeignSegment } from './controlinput.ts';
import { type Fault, type FaultState, readFault } from './faults.ts';
import { normaliseAll } from './identifier.ts';
import type { RequestEntry, Violation } from './journal.ts';
import type { Behaviour, Client, SandboxOptions } from './options.ts';
import { createState, type State } from './state.ts';
import { Members, type Segment } from './store.ts';

/** What tests may know of a segment. `digest`: SHA-256 (hex) over the sorted member digests, each followed by "\n". */
export type SegmentView = {
  id: string;
  advertiserId: string;
  name: string;
  description: string | null;
  type: string;
  readOnly: boolean;
  numberOfIdentifiers: number;
  digest: string;
};

/** The same as the HTTP interface under /sandbox/ offers. Wrong arguments throw an Error that names the field. */
export type Controls = {
  segments(): SegmentView[];
  segment(id: string): SegmentView | undefined;
  contains(segmentId: string, digestHex: string): boolean;
  addSegment(segment: ForeignSegment): SegmentView;
  changeMembers(members: ForeignMembers): SegmentView;
  /** What somebody does to a segment by hand, in Criteo's own tools. */
  changeSegment(segmentId: string, change: ByHand): SegmentView;
  deleteSegment(segmentId: string): void;
  addFault(fault: Fault): FaultState;
  faults(): FaultState[];
  clearFaults(): void;
  requests(): RequestEntry[];
  clearRequests(): void;
  violations(): Violation[];
  /** Adds a client, or replaces the one with the same id: a rotated secret, a withdrawn consent. Its tokens stay valid. */
  putClient(client: Client): void;
  clients(): Omit<Client, 'clientSecret'>[];
  expireTokens(): void;
  behaviour(): Behaviour;
  setBehaviour(change: Partial<Behaviour>): Behaviour;
  /** Applies the effects that "late" faults hold back; returns how many. */
  releaseEffects(): number;
  pendingEffects(): number;
  /** Back to how it was started. */
  reset(): void;
};

function emailMembers(identifiers: string[]): string[] {
  const { valid, invalidCount } = normaliseAll('email', identifiers);
  if (invalidCount > 0)
    throw new Error(`identifiers: ${invalidCount} are neither e-mail addresses nor digests of them`);
  return valid;
}

function view(segment: Segment): SegmentView {
  const { id, advertiserId, name, description, type, readOnly, members } = segment;
  return {
    id,
    advertiserId,
    name,
    description,
    type,
    readOnly,
    numberOfIdentifiers: members.size,
    digest: members.digest(),
  };
}

/** `current` gives the state of now; `replace` puts a new one in its place. */
export function createControls(
  options: SandboxOptions,
  current: () => State,
  replace: (state: State) => void,
): Controls {
  const existing = (id: string): Segment => {
    const segment = current().segments.get(id);
    if (segment === undefined) throw new Error(`there is no segment ${id}`);
    return segment;
  };
  return {
    segments: () => current().segments.all().map(view),
    segment: (id) => {
      const segment = current().segments.get(id);
      return segment && view(segment);
    },
    contains: (segmentId, digestHex) => existing(segmentId).members.has(digestHex.toLowerCase()),
    addSegment: (foreign) => {
      const {
        identifiers = [],
        description = null,
        type = 'ContactList',
        readOnly = false,
        ...rest
      } = checked('segment', foreign);
      const { segments, now } = current();
      const members = new Members();
      members.change('add', emailMembers(identifiers));
      const segment = {
        id: segments.newId(),
        ...rest,
        description,
        type,
        readOnly,
        members,
        createdAt: now(),
        updatedAt: now(),
      };
      segments.put(segment);
      return view(segment);
    },
    changeMembers: (foreign) => {
      const { segmentId, identifiers, operation = 'add' } = checked('members', foreign);
      const segment = existing(segmentId);
      segment.members.change(operation, emailMembers(identifiers));
      return view(segment);
    },
    changeSegment: (segmentId, change) => {
      const changed = { ...existing(segmentId), ...checked('byHand', change) };
      current().segments.put(changed);
      return view(changed);
    },
    deleteSegment: (segmentId) => current().segments.delete(existing(segmentId).id),
    addFault: (fault) => current().faults.add(readFault(fault)),
    faults: () => current().faults.list(),
    clearFaults: () => current().faults.clear(),
    requests: () => [...current().journal.requests],
    clearRequests: () => {
      current().journal.requests = [];
    },
    violations: () => [...current().journal.violations],
    putClient: (client) => {
      current().clients.set(client.clientId, structuredClone(checked('client', client)));
    },
    clients: () => [...current().clients.values()].map(({ clientSecret, ...rest }) => structuredClone(rest)),
    expireTokens: () => current().tokens.expireAll(),
    behaviour: () => structuredClone(current().behaviour),
    setBehaviour: (change) =>
      structuredClone(Object.assign(current().behaviour, checked('behaviour', change))),
    releaseEffects: () => current().effects.release(),
    pendingEffects: () => current().effects.size,
    reset: () => {
      current().effects.cancel();
      replace(createState(options));
    },
  };
}
