/** What a column of a row may hold. */
export type Value = string | number | boolean | null;

/** One membership row of a customer. */
export type Membership = {
  /** Default: the first of the behaviour's providers. */
  provider?: string;
  /** Default Customer. */
  type?: string;
  segments?: string[];
  /** Stands for `segments` as msdynci_segments, just as it is; null too. */
  text?: string | null;
};

/** A customer. */
export type Person = {
  /** The customer id: 32 hex digits in the real thing, any text here. */
  id: string;
  /** Cells of the profile. */
  columns?: Record<string, Value>;
  /** One membership row a provider; without them there is none. */
  segments?: string[];
  /** Stands for `segments`: exactly these rows. */
  memberships?: Membership[];
  /** Without a profile there are memberships alone, as when hydration is not done yet. Default true. */
  profile?: boolean;
  /** `modifiedon` of its rows, RFC 3339; default: the time at which it was put in. */
  modifiedOn?: string;
};

/** Many customers who are made up when they are asked for. `{n}` in texts of `columns` is the customer's number. */
export type Crowd = Omit<Person, 'id'> & {
  count: number;
  /** The number of the first one; default: one more than any before it. */
  first?: number;
};

/** A customer as the tables see it. */
export type Customer = {
  id: string;
  column(name: string): Value;
  segments: string[] | undefined;
  memberships: Membership[] | undefined;
  hasProfile: boolean;
  modifiedOn: string;
};

/** What a query says of the customer id; it saves reading a million rows for a few of them. */
export type Restriction = { ids?: string[]; prefix?: string };

/** Customers in a fixed order. */
export type Group = {
  size: number;
  at(index: number): Customer | undefined;
  /** The indexes in ascending order that may satisfy the restriction: a range, or a list. */
  indexes(restriction: Restriction): { from: number; to: number } | number[];
};

class PutIn implements Group {
  readonly #slots: (Customer | undefined)[] = [];
  readonly #indexes = new Map<string, number>();

  get size(): number {
    return this.#slots.length;
  }

  at(index: number): Customer | undefined {
    return this.#slots[index];
  }

  indexes(): { from: number; to: number } {
    return { from: 0, to: this.#slots.length };
  }

  put(person: Person, now: string): void {
    const { id, columns = {}, segments, memberships, profile = true, modifiedOn = now } = person;
    const customer = {
      id,
      column: (name: string) => columns[name] ?? null,
      segments,
      memberships,
      hasProfile: profile,
      modifiedOn,
    };
    const index = this.#indexes.get(id) ?? this.#slots.length;
    this.#indexes.set(id, index);
    this.#slots[index] = customer;
  }

  /** The slot stays empty, so that a scan that is under way neither skips nor repeats anybody else. */
  remove(id: string): boolean {
    const index = this.#indexes.get(id);
    if (index === undefined) return false;
    this.#indexes.delete(id);
    this.#slots[index] = undefined;
    return true;
  }
}

/** Murmur's finalizer: spreads the bits of a 32-bit number, one to one. */
function mixed(value: number): number {
  let bits = value >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** Ids grow with the index, so that a prefix is a range and an id is found without a table of them. */
class MadeUp implements Group {
  readonly size: number;
  readonly #number: number;
  readonly #first: number;
  readonly #columns: Map<string, Value | string[]>;
  readonly #segments: string[] | undefined;
  readonly #memberships: Membership[] | undefined;
  readonly #hasProfile: boolean;
  readonly #modifiedOn: string;
  readonly #bytes = Buffer.alloc(16);

  constructor(crowd: Crowd, number: number, first: number, now: string) {
    this.size = crowd.count;
    this.#number = number;
    this.#first = first;
    this.#columns = new Map(
      Object.entries(crowd.columns ?? {}).map(([name, value]) => [
        name,
        typeof value === 'string' && value.includes('{n}') ? value.split('{n}') : value,
      ]),
    );
    this.#segments = crowd.segments;
    this.#memberships = crowd.memberships;
    this.#hasProfile = crowd.profile ?? true;
    this.#modifiedOn = crowd.modifiedOn ?? now;
  }

  #idAt(index: number): string {
    this.#bytes.writeUInt32BE(Math.floor((index * 0x1_0000_0000) / this.size), 0);
    this.#bytes.writeUInt32BE(mixed(index), 4);
    this.#bytes.writeUInt32BE(mixed(index ^ 0x5bd1e995), 8);
    this.#bytes.writeUInt32BE(this.#number, 12);
    return this.#bytes.toString('hex');
  }

  at(index: number): Customer | undefined {
    if (index >= this.size) return undefined;
    const number = String(this.#first + index);
    return {
      id: this.#idAt(index),
      column: (name) => {
        const cell = this.#columns.get(name) ?? null;
        return Array.isArray(cell) ? cell.join(number) : cell;
      },
      segments: this.#segments,
      memberships: this.#memberships,
      hasProfile: this.#hasProfile,
      modifiedOn: this.#modifiedOn,
    };
  }

  #lowerBound(text: string): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#idAt(middle) < text) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  indexes({ ids, prefix }: Restriction): { from: number; to: number } | number[] {
    if (ids !== undefined) {
      const found = ids.map((id) => this.#lowerBound(id)).filter((index) => index < this.size);
      return [...new Set(found)].sort((a, b) => a - b);
    }
    if (prefix === undefined) return { from: 0, to: this.size };
    // "g" is the first letter after the hex digits.
    return { from: this.#lowerBound(prefix), to: this.#lowerBound(`${prefix}g`) };
  }
}

/** A segment as mscipriv_segmentmetadata lists it. */
export type Segment = { name: string; modifiedOn?: string; isDeleted?: boolean; isHistoryEntry?: boolean };

/** Everybody, in groups: those who were put in one by one, then the crowds. */
export class People {
  readonly segments = new Map<string, Segment & { modifiedOn: string }>();
  #putIn = new PutIn();
  #crowds: MadeUp[] = [];
  #next = 1;

  get groups(): Group[] {
    return [this.#putIn, ...this.#crowds];
  }

  put(person: Person, now: string): void {
    this.#putIn.put(structuredClone(person), now);
    this.#list(person, now);
  }

  remove(id: string): boolean {
    return this.#putIn.remove(id);
  }

  /** Returns the number of the first customer and of the last one. */
  makeUp(crowd: Crowd, now: string): { first: number; last: number } {
    const first = crowd.first ?? this.#next;
    const last = first + crowd.count - 1;
    this.#next = Math.max(this.#next, last + 1);
    this.#crowds.push(new MadeUp(structuredClone(crowd), this.#crowds.length, first, now));
    this.#list(crowd, now);
    return { first, last };
  }

  putSegment(segment: Segment, now: string): void {
    this.segments.set(segment.name, { modifiedOn: now, ...segment });
  }

  clear(): void {
    this.#putIn = new PutIn();
    this.#crowds = [];
    this.#next = 1;
    this.segments.clear();
  }

  *everybody(): Generator<Customer> {
    for (const group of this.groups) {
      for (let index = 0; index < group.size; index += 1) {
        const customer = group.at(index);
        if (customer !== undefined) yield customer;
      }
    }
  }

  #list({ segments = [], memberships = [] }: Omit<Person, 'id'>, now: string): void {
    for (const name of [...segments, ...memberships.flatMap((membership) => membership.segments ?? [])]) {
      if (!this.segments.has(name)) this.putSegment({ name }, now);
    }
  }
}

/** Whether a customer is in a segment by the rows of type Customer, of any provider. */
export function isMember({ segments, memberships }: Customer, segment: string): boolean {
  if (memberships === undefined) return segments?.includes(segment) ?? false;
  return memberships.some(
    ({ type = 'Customer', text, segments: named = [] }) =>
      type === 'Customer' && text === undefined && named.includes(segment),
  );
}
