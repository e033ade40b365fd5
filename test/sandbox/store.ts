import { createHash } from 'node:crypto';
import type { Behaviour } from './options.ts';

export type Segment = {
  id: string;
  advertiserId: string;
  name: string;
  description: string | null;
  /** One of the contract's segment types, such as ContactList. */
  type: string;
  readOnly: boolean;
  members: Members;
  /** Milliseconds since 1970. */
  createdAt: number;
  updatedAt: number;
};

/** A segment's identifiers as normalised by identifier.ts. */
export class Members {
  readonly #set = new Set<string>();
  #digest: string | undefined;

  get size(): number {
    return this.#set.size;
  }

  has(member: string): boolean {
    return this.#set.has(member);
  }

  change(operation: 'add' | 'remove', members: readonly string[]): void {
    for (const member of members) {
      if (operation === 'add') this.#set.add(member);
      else this.#set.delete(member);
    }
    this.#digest = undefined;
  }

  clear(): void {
    this.#set.clear();
    this.#digest = undefined;
  }

  /** SHA-256 (hex) over the sorted members, each followed by a line feed. */
  digest(): string {
    // Kept until the next change: tests poll it, and sorting a million members takes a second.
    this.#digest ??= [...this.#set]
      .sort()
      .reduce((sum, member) => sum.update(`${member}\n`), createHash('sha256'))
      .digest('hex');
    return this.#digest;
  }
}

/** All segments of one sandbox, whoever owns them. */
export class SegmentStore {
  readonly #segments = new Map<string, Segment>();
  #nextId = 1001;

  /** Ids are never used twice, also where the segment is never stored. */
  newId(): string {
    const id = String(this.#nextId);
    this.#nextId += 1;
    return id;
  }

  put(segment: Segment): void {
    this.#segments.set(segment.id, segment);
  }

  get(id: string): Segment | undefined {
    return this.#segments.get(id);
  }

  delete(id: string): void {
    this.#segments.delete(id);
  }

  /** In the order of creation. */
  all(): Segment[] {
    return [...this.#segments.values()].sort((a, b) => Number(a.id) - Number(b.id));
  }
}

/** The form in which two names of an advertiser must differ. */
export function nameKey(name: string, comparison: Behaviour['nameComparison']): string {
  return comparison === 'exact' ? name : name.trim().toLowerCase();
}
