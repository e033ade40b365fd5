/** A resource as a program registered it with Pulumi's engine. */
export interface Registration {
  urn: string;
  /** Such as `kubernetes:apps/v1:Deployment`. */
  type: string;
  name: string;
  /** False for components, which are no object of a cluster. */
  custom: boolean;
  /** URN; empty for the stack itself. */
  parent: string;
  /** URNs of what must be there before it, and is deleted after it. */
  dependencies: string[];
  /** With the secrets in plain. */
  inputs: Record<string, unknown>;
  /** Paths of the inputs that Pulumi keeps encrypted in the state, such as `stringData`. */
  secrets: string[];
  /** Stays where it is when the stack is destroyed. */
  retainOnDelete: boolean;
}

/** An object of a cluster, with how the program wants it treated. */
export interface CollectedObject extends Registration {
  inputs: KubernetesObject;
}

export interface KubernetesObject extends Record<string, unknown> {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; annotations?: Record<string, string> };
}

// How Pulumi's SDK marks a value as secret on the wire: constants of its protocol.
const signatureKey = '4dabf18193072939515e22adb298388d';
const secretSignature = '1b47061264138c4ac30d75fd1eb44270';

/** The value without the marks of its secrets, and where those were. */
export function unwrapSecrets(value: unknown, path = ''): { plain: unknown; secrets: string[] } {
  if (Array.isArray(value)) {
    const items = value.map((item, index) => unwrapSecrets(item, `${path}[${index}]`));
    return { plain: items.map(({ plain }) => plain), secrets: items.flatMap(({ secrets }) => secrets) };
  }
  if (typeof value !== 'object' || value === null) return { plain: value, secrets: [] };
  const object = value as Record<string, unknown>;
  if (object[signatureKey] === secretSignature) {
    return { plain: unwrapSecrets(object.value).plain, secrets: [path] };
  }
  if (signatureKey in object) throw new Error(`${path}: neither a plain value nor a secret`);
  const fields = Object.entries(object).map(
    ([key, field]) => [key, unwrapSecrets(field, path === '' ? key : `${path}.${key}`)] as const,
  );
  return {
    plain: Object.fromEntries(fields.map(([key, { plain }]) => [key, plain])),
    secrets: fields.flatMap(([, { secrets }]) => secrets),
  };
}

/** The objects of a cluster among what was registered. */
export function objectsOf(registrations: readonly Registration[]): CollectedObject[] {
  return registrations.filter((registration): registration is CollectedObject =>
    registration.type.startsWith('kubernetes:'),
  );
}
