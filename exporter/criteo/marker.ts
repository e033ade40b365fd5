/**
 * The owner marker: the end of a Criteo segment's description, by which an export
 * knows its own segments again, and every other one leaves them alone. A person
 * may write anything before it.
 */
export interface Owner {
  namespace: string;
  name: string;
  uid: string;
}

export interface Marker extends Owner {
  /** The segment was somebody else's before: it is never deleted for this export. */
  kept: boolean;
}

const namespaceForm = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const nameForm = '[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?';
const markerForm = new RegExp(
  String.raw`(?:^| )\[segmentexport\.io/v1 owner=(${namespaceForm})/(${nameForm}) uid=([A-Za-z0-9-]{1,64})( kept)?\]$`,
);

/** `<text> [segmentexport.io/v1 owner=<namespace>/<name> uid=<uid>]`, with ` kept` at the end of a kept one's marker. */
export function describe(text: string, owner: Owner, kept = false): string {
  const end = kept ? ' kept' : '';
  return `${text} [segmentexport.io/v1 owner=${owner.namespace}/${owner.name} uid=${owner.uid}${end}]`.trimStart();
}

/** The marker of a description; only a whole one at its very end counts. */
export function markerIn(description: string): Marker | undefined {
  const [, namespace, name, uid, kept] = markerForm.exec(description) ?? [];
  if (namespace === undefined || name === undefined || uid === undefined) return undefined;
  return { namespace, name, uid, kept: kept !== undefined };
}

/** The description without its marker. */
export function withoutMarker(description: string): string {
  return description.replace(markerForm, '');
}
