import type { Handler } from '../runtime/informer.ts';
import { type KubeObject, objectKey } from '../runtime/resource.ts';
import { Store } from '../runtime/store.ts';

/** In an informer's place: it changes when a test says so. */
export class FakeCache<T extends KubeObject> {
  readonly store: Store<T>;
  readonly #handlers = new Set<Handler<T>>();

  constructor(indexes: Record<string, (object: T) => string[]> = {}) {
    this.store = new Store(indexes);
  }

  addHandler(handler: Handler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.store.list()) handler(undefined, object);
    return () => this.#handlers.delete(handler);
  }

  put(object: T): T {
    const before = this.store.set(object);
    for (const handler of this.#handlers) handler(before, object);
    return object;
  }

  remove(object: T): void {
    const before = this.store.delete(objectKey(object));
    for (const handler of this.#handlers) handler(before, undefined);
  }
}
