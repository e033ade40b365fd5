import { isGone } from './errors.ts';
import type {
  ApplyOptions,
  DeleteOptions,
  JsonPatchOperation,
  ListOptions,
  ObjectList,
  SubresourceOptions,
  WatchOptions,
  WriteOptions,
} from './options.ts';
import {
  apiVersionOf,
  type KubeObject,
  type ObjectRef,
  type Resource,
  refOf,
  resourceName,
  resourcePath,
} from './resource.ts';
import { type Query, type RawRequest, type RequestOptions, RestClient, type RestOptions } from './rest.ts';
import { parseVersion, type ServerVersion } from './version.ts';
import { decodeWatch, type WatchEvent } from './watch.ts';

export interface ClientOptions extends Omit<RestOptions, 'userAgent'> {
  /** Who writes, in every object's managedFields. */
  fieldManager: string;
  /** The field manager's name unless told. */
  userAgent?: string;
}

/** The API server's verbs, with plain JSON in and out. Everything they throw is an `ApiError`. */
export class KubeClient {
  readonly #rest: RestClient;
  readonly #fieldManager: string;

  constructor(options: ClientOptions) {
    this.#fieldManager = options.fieldManager;
    this.#rest = new RestClient({ userAgent: options.fieldManager, ...options });
  }

  /** The API server's address. */
  get server(): string {
    return this.#rest.server;
  }

  /** The namespace of the kubeconfig's context, or of the pod. */
  get namespace(): string | undefined {
    return this.#rest.namespace;
  }

  async get<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    options?: RequestOptions,
  ): Promise<T> {
    return this.#object<T>({ ...options, method: 'GET', path: resourcePath(resource, ref) });
  }

  /** Reads all pages, as of one moment. */
  async list<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions<T> = {},
  ): Promise<ObjectList<T>> {
    try {
      return await this.#listPages<T>(resource, options, options.pageSize ?? 500);
    } catch (error) {
      // The moment that the pages belong to was compacted away meanwhile: only a list in one piece is sure to end.
      if (isGone(error)) return this.#listPages<T>(resource, options, undefined);
      throw error;
    }
  }

  async create<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    const { namespace } = object.metadata;
    return this.#object<T>({
      ...options,
      method: 'POST',
      path: resourcePath(resource, { namespace }),
      query: this.#writeQuery(options),
      body: typed(resource, object),
    });
  }

  /** Replaces the whole object. Its resourceVersion, if it has one, must be the latest, else `isConflict`. */
  async update<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: SubresourceOptions = {},
  ): Promise<T> {
    const { subresource } = options;
    return this.#object<T>({
      ...options,
      method: 'PUT',
      path: resourcePath(resource, { ...refOf(object), subresource }),
      query: this.#writeQuery(options),
      body: typed(resource, object),
    });
  }

  updateStatus<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.update(resource, object, { ...options, subresource: 'status' });
  }

  /** Server-side apply: creates the object, or makes the fields given, and no others, those of this field manager. */
  async apply<T extends KubeObject>(
    resource: Resource<T>,
    object: KubeObject,
    options: ApplyOptions = {},
  ): Promise<T> {
    const { subresource, force, fieldManager } = options;
    return this.#object<T>({
      ...options,
      method: 'PATCH',
      path: resourcePath(resource, { ...refOf(object), subresource }),
      query: {
        ...this.#writeQuery(options),
        ...(fieldManager && { fieldManager }),
        force: force || undefined,
      },
      body: typed(resource, object),
      contentType: 'application/apply-patch+yaml',
    });
  }

  /** An array is a JSON patch, an object is a merge patch. */
  async patch<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    patch: object | JsonPatchOperation[],
    options: SubresourceOptions = {},
  ): Promise<T> {
    const { subresource } = options;
    const isJsonPatch = Array.isArray(patch);
    return this.#object<T>({
      ...options,
      method: 'PATCH',
      path: resourcePath(resource, { ...ref, subresource }),
      query: this.#writeQuery(options),
      body: patch,
      contentType: isJsonPatch ? 'application/json-patch+json' : 'application/merge-patch+json',
      // A JSON patch can append; a merge patch only sets.
      idempotent: !isJsonPatch,
    });
  }

  /** `patch` has the shape of the object: `{status: {...}}`. */
  patchStatus<T extends KubeObject>(
    resource: Resource<T>,
    ref: ObjectRef,
    patch: object | JsonPatchOperation[],
    options: WriteOptions = {},
  ): Promise<T> {
    return this.patch(resource, ref, patch, { ...options, subresource: 'status' });
  }

  async delete(resource: Resource, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    const { uid, resourceVersion, propagationPolicy, dryRun } = options;
    const preconditions = { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
    await this.request({
      ...options,
      method: 'DELETE',
      path: resourcePath(resource, ref),
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        ...(Object.keys(preconditions).length > 0 && { preconditions }),
        ...(propagationPolicy && { propagationPolicy }),
        ...(dryRun && { dryRun: ['All'] }),
      },
    });
  }

  /**
   * One watch, until the server ends it, or it fails. An ERROR event is thrown: `isGone` means that
   * `resourceVersion` is too old.
   */
  async *watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>> {
    const { namespace, resourceVersion, labelSelector, fieldSelector, timeoutSeconds = 290 } = options;
    const { stallTimeoutMs = 75_000, onHeard, signal } = options;
    const path = resourcePath(resource, { namespace });
    const which = { resourceVersion, timeoutSeconds, labelSelector, fieldSelector };
    const query = { watch: true, allowWatchBookmarks: true, ...which };
    const chunks = this.#rest.stream({ method: 'GET', path, query, signal }, { stallTimeoutMs, onHeard });
    for await (const event of decodeWatch<T>(chunks, `watch ${resourceName(resource)}`)) {
      yield { type: event.type, object: tidy(event.object) };
    }
  }

  async version(options?: RequestOptions): Promise<ServerVersion> {
    return parseVersion(await this.request({ ...options, method: 'GET', path: '/version' }));
  }

  /** Any other call. Resolves with the reply's JSON. */
  request<T>(request: RawRequest): Promise<T> {
    return this.#rest.request(request);
  }

  /** Breaks off what is under way. */
  close(): Promise<void> {
    return this.#rest.close();
  }

  async #object<T extends KubeObject>(request: RawRequest): Promise<T> {
    return tidy(await this.request<T>(request));
  }

  async #listPages<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions<T>,
    limit: number | undefined,
  ): Promise<ObjectList<T>> {
    const { namespace, labelSelector, fieldSelector, signal, timeoutMs } = options;
    const { transform = (object: T) => object } = options;
    const path = resourcePath(resource, { namespace });
    const items: T[] = [];
    let token: string | undefined;
    for (;;) {
      const page: { items?: T[] | null; metadata?: { resourceVersion?: string; continue?: string } } =
        await this.request({
          method: 'GET',
          path,
          query: { labelSelector, fieldSelector, limit, continue: token },
          signal,
          timeoutMs,
        });
      // A list's items do not repeat their kind; an event of a watch does. Callers shall not see the difference.
      for (const item of page.items ?? []) items.push(transform(tidy(typed(resource, item))));
      token = page.metadata?.continue || undefined;
      if (!token) return { items, resourceVersion: page.metadata?.resourceVersion ?? '' };
    }
  }

  #writeQuery({ dryRun }: WriteOptions): Query {
    return { fieldManager: this.#fieldManager, dryRun: dryRun ? 'All' : undefined };
  }
}

/** Completes what lists leave out and `apply` requires. */
function typed<T extends KubeObject>(resource: Resource, object: T): T {
  return {
    ...object,
    apiVersion: object.apiVersion ?? apiVersionOf(resource),
    kind: object.kind ?? resource.kind,
  };
}

/** managedFields are often half of an object's bytes, and no controller reads them. */
function tidy<T extends KubeObject>(object: T): T {
  if (object.metadata && 'managedFields' in object.metadata) delete object.metadata.managedFields;
  return object;
}
