/**
 * The owner marker: the end of a Criteo segment's description, by which an export
 * knows its own segments again. A person may write anything before it.
 */
export interface Owner {
  namespace: string;
  name: string;
  uid: string;
}

const namespaceForm = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
const nameForm = '[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?';
const markerForm = new RegExp(
  String.raw`(?:^| )\[segmentexport\.io/v1 owner=(${namespaceForm})/(${nameForm}) uid=([A-Za-z0-9-]{1,64})\]$`,
);

/** `<text> [segmentexport.io/v1 owner=<namespace>/<name> uid=<uid>]` */
export function describe(text: string, owner: Owner): string {
  return `${text} [segmentexport.io/v1 owner=${owner.namespace}/${owner.name} uid=${owner.uid}]`.trimStart();
}

/** The owner that a description names; only a whole marker at its very end counts. */
export function ownerIn(description: string): Owner | undefined {
  const [, namespace, name, uid] = markerForm.exec(description) ?? [];
  if (namespace === undefined || name === undefined || uid === undefined) return undefined;
  return { namespace, name, uid };
}
