import { Ajv } from 'ajv';
import { type Fault, type FaultState, readFault } from './faults.ts';
import type { RequestEntry, Violation } from './journal.ts';
import { type Behaviour, behaviourSchema, type Client, type DataverseOptions } from './options.ts';
import { type Crowd, isMember, type Person, type Segment, type Value } from './people.ts';
import { createState, type State } from './state.ts';

/** What tests may know of a segment: `members` are customers, `profiles` those of them who have one. */
export type SegmentView = Required<Segment> & { members: number; profiles: number };

/** The same as the HTTP interface under /sandbox/ offers. Wrong arguments throw an Error that names the field. */
export type Controls = {
  /** Adds customers, or replaces those with the same id. */
  putPeople(people: Person[]): void;
  removePerson(id: string): void;
  /** Adds many at once, who take no memory. Returns the numbers of the first and the last one. */
  makeUp(crowd: Crowd): { first: number; last: number };
  clearPeople(): void;
  /** The members of a segment who have a profile, one after the other; not over HTTP. */
  members(segment: string): Iterable<{ id: string; column(name: string): Value }>;
  segments(): SegmentView[];
  putSegment(segment: Segment): void;
  addFault(fault: Fault): FaultState;
  faults(): FaultState[];
  clearFaults(): void;
  requests(): RequestEntry[];
  clearRequests(): void;
  violations(): Violation[];
  /** Adds a client, or replaces the one with the same id: a rotated secret. Its tokens stay valid. */
  putClient(client: Client): void;
  clients(): Omit<Client, 'clientSecret'>[];
  expireTokens(): void;
  behaviour(): Behaviour;
  setBehaviour(change: Partial<Behaviour>): Behaviour;
  /** Back to how it was started. */
  reset(): void;
};

const text = { type: 'string' };
const strings = { type: 'array', items: text };
const flag = { type: 'boolean' };
const time = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$' };
const aboutPeople = {
  columns: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean', 'null'] } },
  segments: strings,
  memberships: {
    type: 'array',
    items: {
      type: 'object',
      additionalProperties: false,
      properties: { provider: text, type: text, segments: strings, text: { type: ['string', 'null'] } },
    },
  },
  profile: flag,
  modifiedOn: time,
};

const ajv = new Ajv({ allowUnionTypes: true });
const schemas = {
  behaviour: ajv.compile(behaviourSchema),
  people: ajv.compile({
    type: 'array',
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['id'],
      properties: { id: { type: 'string', minLength: 1 }, ...aboutPeople },
    },
  }),
  crowd: ajv.compile({
    type: 'object',
    additionalProperties: false,
    required: ['count'],
    properties: {
      count: { type: 'integer', minimum: 1, maximum: 100_000_000 },
      first: { type: 'integer', minimum: 0 },
      ...aboutPeople,
    },
  }),
  segment: ajv.compile({
    type: 'object',
    additionalProperties: false,
    required: ['name'],
    properties: { name: text, modifiedOn: time, isDeleted: flag, isHistoryEntry: flag },
  }),
  client: ajv.compile({
    type: 'object',
    additionalProperties: false,
    required: ['clientId'],
    properties: {
      clientId: { type: 'string', minLength: 1 },
      clientSecret: { type: 'string', minLength: 1 },
      secretExpired: flag,
      federations: {
        type: 'array',
        items: {
          type: 'object',
          additionalProperties: false,
          required: ['issuer', 'subject'],
          properties: { issuer: text, subject: text, audience: text, publicKey: text },
        },
      },
      applicationUser: flag,
    },
  }),
};

/** Returns `value` when it is what its kind needs to be; throws an Error that names the field when not. */
function checked<Given>(kind: keyof typeof schemas, value: Given): Given {
  const validate = schemas[kind];
  if (!validate(value)) {
    throw new Error(`not a ${kind}: ${ajv.errorsText(validate.errors, { dataVar: kind })}`);
  }
  return value;
}

function checkColumns({ columns = {} }: Omit<Person, 'id'>, { profileColumns }: Behaviour): void {
  const unknown = Object.keys(columns).find((name) => !profileColumns.some((column) => column.name === name));
  if (unknown === undefined) return;
  throw new Error(`columns: the profile has no column ${unknown}; the behaviour's profileColumns names them`);
}

/** `current` gives the state of now; `replace` puts a new one in its place. */
export function createControls(
  options: DataverseOptions,
  current: () => State,
  replace: (state: State) => void,
): Controls {
  const timeOfNow = () => new Date(current().now()).toISOString();
  const view = (segment: Required<Segment>): SegmentView => {
    let members = 0;
    let profiles = 0;
    for (const customer of current().people.everybody()) {
      if (!isMember(customer, segment.name)) continue;
      members += 1;
      if (customer.hasProfile) profiles += 1;
    }
    return { ...segment, members, profiles };
  };
  return {
    putPeople: (people) => {
      for (const person of checked('people', people)) checkColumns(person, current().behaviour);
      for (const person of people) current().people.put(person, timeOfNow());
    },
    removePerson: (id) => {
      if (!current().people.remove(id)) throw new Error('id: nobody was put in with this id');
    },
    makeUp: (crowd) => {
      checkColumns(checked('crowd', crowd), current().behaviour);
      return current().people.makeUp(crowd, timeOfNow());
    },
    clearPeople: () => current().people.clear(),
    *members(segment) {
      for (const customer of current().people.everybody()) {
        if (customer.hasProfile && isMember(customer, segment)) yield customer;
      }
    },
    segments: () =>
      [...current().people.segments.values()].map((segment) =>
        view({ isDeleted: false, isHistoryEntry: false, ...segment }),
      ),
    putSegment: (segment) => current().people.putSegment(checked('segment', segment), timeOfNow()),
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
    reset: () => replace(createState(options)),
  };
}
