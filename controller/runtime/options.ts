import type { KubeObject } from './resource.ts';
import type { RequestOptions } from './rest.ts';

export interface WriteOptions extends RequestOptions {
  /** The server checks and admits, and stores nothing. */
  dryRun?: boolean;
}

export interface SubresourceOptions extends WriteOptions {
  /** `status`, `scale`, ... */
  subresource?: string;
}

export interface ApplyOptions extends SubresourceOptions {
  /** Take over fields that another manager owns. */
  force?: boolean;
  fieldManager?: string;
}

export interface ListOptions<T extends KubeObject = KubeObject> extends RequestOptions {
  /** All namespaces when absent. */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** Objects a page; 500 unless told. */
  pageSize?: number | undefined;
  /** What to keep of each object; applied a page at a time, so that no more than a page is held in full. */
  transform?: ((object: T) => T) | undefined;
}

export interface DeleteOptions extends WriteOptions {
  /** Delete only this very object, not a later one of its name. */
  uid?: string;
  /** Delete only if nobody changed it since. */
  resourceVersion?: string;
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
}

export interface WatchOptions {
  resourceVersion: string;
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** The server ends the watch in good order after so long. */
  timeoutSeconds?: number | undefined;
  /** Nothing heard for so long, bookmarks included: throws `Stalled`. */
  stallTimeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Called when the watch is accepted and whenever bytes arrive. */
  onHeard?: (() => void) | undefined;
}

export interface ObjectList<T extends KubeObject> {
  items: T[];
  /** Where a watch goes on from. */
  resourceVersion: string;
}

export interface JsonPatchOperation {
  op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  path: string;
  from?: string;
  value?: unknown;
}
