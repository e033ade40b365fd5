import { type KubeObject, type ObjectRef, objectKey } from './resource.ts';

/** What a reconcile sees of a cache. Its objects are shared: never change them. */
export interface StoreReader<T extends KubeObject> {
  get(ref: ObjectRef): T | undefined;
  /** `namespace/name`, or `name` for a cluster-scoped object. */
  getByKey(key: string): T | undefined;
  list(namespace?: string): T[];
  /** Objects whose index function yields `value`. @throws Error when there is no such index. */
  byIndex(index: string, value: string): T[];
  keys(): string[];
  readonly size: number;
}

/** Yields the values under which an object is found; none is allowed. */
export type IndexFunction<T> = (object: T) => string[];

const NAMESPACE = 'namespace';

/** Objects by key, with secondary indexes that are always up to date. */
export class Store<T extends KubeObject> implements StoreReader<T> {
  readonly #objects = new Map<string, T>();
  readonly #functions: Map<string, IndexFunction<T>>;
  readonly #indexes = new Map<string, Map<string, Set<string>>>();

  constructor(indexes: Record<string, IndexFunction<T>> = {}) {
    const byNamespace: IndexFunction<T> = ({ metadata }) => (metadata.namespace ? [metadata.namespace] : []);
    this.#functions = new Map([...Object.entries(indexes), [NAMESPACE, byNamespace]]);
    for (const name of this.#functions.keys()) this.#indexes.set(name, new Map());
  }

  get size(): number {
    return this.#objects.size;
  }

  get(ref: ObjectRef): T | undefined {
    return this.#objects.get(objectKey(ref));
  }

  getByKey(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(namespace?: string): T[] {
    return namespace === undefined ? [...this.#objects.values()] : this.byIndex(NAMESPACE, namespace);
  }

  byIndex(index: string, value: string): T[] {
    const values = this.#indexes.get(index);
    if (!values) throw new Error(`no index "${index}"; there are: ${[...this.#indexes.keys()].join(', ')}`);
    return [...(values.get(value) ?? [])].flatMap((key) => this.#objects.get(key) ?? []);
  }

  keys(): string[] {
    return [...this.#objects.keys()];
  }

  /** Returns what was there before. */
  set(object: T): T | undefined {
    const key = objectKey(object);
    const old = this.delete(key);
    this.#objects.set(key, object);
    for (const [name, values] of this.#indexed(object)) {
      const index = this.#indexes.get(name);
      for (const value of values) {
        const keys = index?.get(value) ?? new Set();
        index?.set(value, keys.add(key));
      }
    }
    return old;
  }

  /** Returns what was there. */
  delete(key: string): T | undefined {
    const old = this.#objects.get(key);
    if (old === undefined) return undefined;
    this.#objects.delete(key);
    for (const [name, values] of this.#indexed(old)) {
      const index = this.#indexes.get(name);
      for (const value of values) {
        const keys = index?.get(value);
        keys?.delete(key);
        // Values come and go with the objects: an empty set for each would be a leak.
        if (keys?.size === 0) index?.delete(value);
      }
    }
    return old;
  }

  #indexed(object: T): [string, string[]][] {
    return [...this.#functions].map(([name, valuesOf]) => [name, valuesOf(object)]);
  }
}
