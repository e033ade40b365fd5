export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Times are RFC 3339 strings, as in JSON. */
export interface ObjectMeta {
  name?: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
}

/** A Kubernetes object as plain JSON. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

/** Names a kind and where the API server keeps it. `T` is the shape of its objects. */
export interface Resource<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  group: string;
  version: string;
  plural: string;
  kind: string;
  namespaced: boolean;
  /** Never set: carries `T`, so that a client's methods know what they return. */
  readonly object?: T;
}

export function defineResource<T extends KubeObject>(resource: Omit<Resource<T>, 'object'>): Resource<T> {
  return resource;
}

/** Which object of a resource. `namespace` is absent for cluster-scoped ones. */
export interface ObjectRef {
  namespace?: string | undefined;
  name: string;
}

/** `batch/v1`, or `v1` for the core group. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** `cronjobs.batch`, or `pods` for the core group: the name that people and RBAC use. */
export function resourceName(resource: Resource): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

export function refOf(object: KubeObject): ObjectRef {
  const { name, namespace } = object.metadata;
  if (!name) throw new Error(`metadata.name is missing in a ${object.kind ?? 'object'}`);
  return namespace ? { namespace, name } : { name };
}

/** `namespace/name`, or `name` for a cluster-scoped object. */
export function objectKey(object: KubeObject | ObjectRef): string {
  const { namespace, name } = 'metadata' in object ? refOf(object) : object;
  return namespace ? `${namespace}/${name}` : name;
}

export function splitKey(key: string): ObjectRef {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/**
 * The URL path of a resource, or of one object of it.
 * @throws Error when a name or namespace could reach another path: names can come from users' manifests.
 */
export function resourcePath(
  resource: Resource,
  target: { namespace?: string | undefined; name?: string | undefined; subresource?: string | undefined },
): string {
  const parts = [resource.group === '' ? '/api' : `/apis/${resource.group}`, resource.version];
  if (resource.namespaced && target.namespace !== undefined) {
    parts.push('namespaces', segment('namespace', target.namespace));
  }
  parts.push(resource.plural);
  if (target.name !== undefined) {
    if (resource.namespaced && target.namespace === undefined) {
      throw new Error(`namespace is missing: ${resourceName(resource)} "${target.name}" lives in one`);
    }
    parts.push(segment('name', target.name));
  }
  if (target.subresource) parts.push(segment('subresource', target.subresource));
  return parts.join('/');
}

function segment(field: string, value: string): string {
  if (value === '' || value === '.' || value === '..' || value.length > 253 || /[/%\s]/.test(value)) {
    throw new Error(
      `${field} ${JSON.stringify(value.slice(0, 60))} is not a Kubernetes name: lower case letters, digits, "-" and "."`,
    );
  }
  return encodeURIComponent(value);
}
