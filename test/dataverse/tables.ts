import { createHash } from 'node:crypto';
import { type Behaviour, type Column, type LogicalName, logicalNames } from './options.ts';
import type { Customer, Group, Membership, People, Restriction, Value } from './people.ts';

export type Row = {
  /** Where it stands; a scan can go on from it. */
  position: string;
  value(column: string): Value;
};

export type Table = {
  logicalName: string;
  entitySetName: string;
  tableType: string;
  /** The primary key, which is in every row of a reply. */
  key: string;
  columns: Column[];
  /** The rows from a position on. They may be more than the restriction asks for. */
  rows(restriction: Restriction, from?: string): Iterable<Row>;
};

/** A lookup is selected by another name than the metadata have for it. */
export function propertyName({ name, type }: Column): string {
  return type === 'Lookup' ? `_${name}_value` : name;
}

function column(name: string, type: Column['type'] = 'String'): Column {
  return { name, type };
}

/** A GUID that belongs to the text and to nothing else. Not the text itself: the key is not the customer id. */
function guidOf(text: string): string {
  const hex =
    text.length === 32 && /^[\da-f]+$/.test(text)
      ? text.slice(16) + text.slice(0, 16)
      : createHash('sha256').update(text).digest('hex').slice(0, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

type Found = { customer: Customer; group: number; index: number };

/** The customers of the groups that the restriction leaves, from an index of a group on. */
function* walk(
  groups: Group[],
  restriction: Restriction,
  direction: 'up' | 'down',
  start: { group: number; index: number } = {
    group: 0,
    index: direction === 'up' ? 0 : Number.MAX_SAFE_INTEGER,
  },
): Generator<Found> {
  for (let number = start.group; number < groups.length; number += 1) {
    const group = groups[number] as Group;
    const indexes = group.indexes(restriction);
    const places = Array.isArray(indexes) ? { from: 0, to: indexes.length } : indexes;
    const isStart = number === start.group;
    // Of a range the start is known at once; a page of the middle must not cost a walk from the beginning.
    let place = direction === 'up' ? places.from : places.to - 1;
    if (isStart && !Array.isArray(indexes)) {
      place = direction === 'up' ? Math.max(place, start.index) : Math.min(place, start.index);
    }
    for (; place >= places.from && place < places.to; place += direction === 'up' ? 1 : -1) {
      const index = Array.isArray(indexes) ? (indexes[place] ?? 0) : place;
      if (isStart && (direction === 'up' ? index < start.index : index > start.index)) continue;
      const customer = group.at(index);
      if (customer !== undefined) yield { customer, group: number, index };
    }
  }
}

function parsePosition(from: string | undefined): { group: number; index: number; part: number } | undefined {
  if (from === undefined) return undefined;
  const [group = 0, index = 0, part = 0] = from.split('.').map(Number);
  return { group, index, part };
}

function* profileRows(people: People, restriction: Restriction, from?: string): Generator<Row> {
  for (const { customer, group, index } of walk(people.groups, restriction, 'up', parsePosition(from))) {
    if (!customer.hasProfile) continue;
    yield {
      position: `${group}.${index}`,
      value: (name) => {
        if (name === 'msdynci_customerid') return customer.id;
        if (name === 'msdynci_customerprofileid') return guidOf(customer.id);
        if (name === 'modifiedon') return customer.modifiedOn;
        return customer.column(name);
      },
    };
  }
}

const texts = { object: new WeakMap<string[], string>(), array: new WeakMap<string[], string>() };

/** What msdynci_segments holds; the same text for the same list, as a crowd has one list for all of its rows. */
export function segmentsText(segments: string[], format: 'object' | 'array'): string {
  const known = texts[format].get(segments);
  if (known !== undefined) return known;
  const text = JSON.stringify(format === 'object' ? { Segments: segments } : segments);
  texts[format].set(segments, text);
  return text;
}

function membershipCell(
  customer: Customer,
  { provider = '', type = 'Customer', segments = [], text }: Membership,
  part: number,
  name: string,
  { providers, segmentsFormat }: Behaviour,
): Value {
  const givenProvider = provider === '' ? (providers[0] ?? '') : provider;
  switch (name) {
    case 'msdynci_segmentmembershipid':
      return guidOf(part === 0 ? customer.id : `${customer.id}|${part}`);
    case 'msdynci_identifier':
      return `${customer.id}|${givenProvider}|${type}|${part}`;
    case 'msdynci_customerid':
      return customer.id;
    case 'msdynci_segments':
      return text === undefined ? segmentsText(segments, segmentsFormat) : text;
    case 'msdynci_segmentprovider':
      return givenProvider;
    case 'msdynci_segmentmembershiptype':
      return type;
    case '_msdynci_lookupfield_customer_value':
      return customer.hasProfile ? guidOf(customer.id) : null;
    case 'modifiedon':
      return customer.modifiedOn;
    default:
      return null;
  }
}

/** Against the order of the profiles: nobody promises that the two tables come in the same one. */
function* membershipRows(
  people: People,
  behaviour: Behaviour,
  restriction: Restriction,
  from?: string,
): Generator<Row> {
  const start = parsePosition(from);
  const ofProviders = new Map<string[], Membership[]>();
  for (const { customer, group, index } of walk(people.groups, restriction, 'down', start)) {
    const { segments } = customer;
    let memberships = customer.memberships;
    if (memberships === undefined) {
      if (segments === undefined) continue;
      memberships = ofProviders.get(segments);
      if (memberships === undefined) {
        memberships = behaviour.providers.map((provider) => ({ provider, segments }));
        ofProviders.set(segments, memberships);
      }
    }
    const isStart = start !== undefined && start.group === group && start.index === index;
    for (let part = isStart ? start.part : 0; part < memberships.length; part += 1) {
      const membership = memberships[part] as Membership;
      yield {
        position: `${group}.${index}.${part}`,
        value: (name) => membershipCell(customer, membership, part, name, behaviour),
      };
    }
  }
}

function* segmentRows(people: People, from = '0'): Generator<Row> {
  const segments = [...people.segments.values()];
  for (let index = Number(from); index < segments.length; index += 1) {
    const segment = segments[index];
    const cells: Record<string, Value> = {
      mscipriv_segmentmetadataid: guidOf(segment?.name ?? ''),
      msdyn_name: segment?.name ?? null,
      msdyn_isdeleted: segment?.isDeleted ?? false,
      msdyn_ishistoryentry: segment?.isHistoryEntry ?? false,
      modifiedon: segment?.modifiedOn ?? null,
    };
    yield { position: String(index), value: (name) => cells[name] ?? null };
  }
}

/** The tables that the environment has. */
export function tablesOf(people: People, behaviour: Behaviour): Table[] {
  const { entitySetNames, absentTables, tableType, profileColumns } = behaviour;
  const set = (name: LogicalName) => entitySetNames[name] ?? `${name}s`;
  const tables: Record<LogicalName, Table> = {
    msdynci_customerprofile: {
      logicalName: 'msdynci_customerprofile',
      entitySetName: set('msdynci_customerprofile'),
      tableType,
      key: 'msdynci_customerprofileid',
      columns: [
        column('msdynci_customerprofileid', 'Uniqueidentifier'),
        column('msdynci_customerid'),
        column('modifiedon', 'DateTime'),
        column('partitionid'),
        ...profileColumns,
      ],
      rows: (restriction, from) => profileRows(people, restriction, from),
    },
    msdynci_segmentmembership: {
      logicalName: 'msdynci_segmentmembership',
      entitySetName: set('msdynci_segmentmembership'),
      tableType,
      key: 'msdynci_segmentmembershipid',
      columns: [
        column('msdynci_segmentmembershipid', 'Uniqueidentifier'),
        column('msdynci_identifier'),
        column('msdynci_customerid'),
        column('msdynci_segments', 'Memo'),
        column('msdynci_segmentprovider'),
        column('msdynci_segmentmembershiptype'),
        column('msdynci_lookupfield_customer', 'Lookup'),
        column('modifiedon', 'DateTime'),
        column('partitionid'),
      ],
      rows: (restriction, from) => membershipRows(people, behaviour, restriction, from),
    },
    mscipriv_segmentmetadata: {
      logicalName: 'mscipriv_segmentmetadata',
      entitySetName: set('mscipriv_segmentmetadata'),
      tableType: 'Standard',
      key: 'mscipriv_segmentmetadataid',
      columns: [
        column('mscipriv_segmentmetadataid', 'Uniqueidentifier'),
        column('msdyn_name'),
        column('msdyn_isdeleted', 'Boolean'),
        column('msdyn_ishistoryentry', 'Boolean'),
        column('mscipriv_payload1', 'Memo'),
        column('mscipriv_payload2', 'Memo'),
        column('modifiedon', 'DateTime'),
      ],
      rows: (_restriction, from) => segmentRows(people, from),
    },
  };
  return logicalNames.filter((name) => !absentTables.includes(name)).map((name) => tables[name]);
}
