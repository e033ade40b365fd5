import { randomUUID } from 'node:crypto';
import { microTime } from './microtime.ts';
import { apiVersionOf, defineResource, type KubeObject, type Resource } from './resource.ts';

export interface ObjectReference {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  namespace?: string | undefined;
  name?: string | undefined;
  uid?: string | undefined;
  resourceVersion?: string | undefined;
}

export interface NewEvent {
  /** The object that it is about, under which `kubectl describe` shows it. */
  regarding: ObjectReference;
  /** A second object that had a part in it. */
  related?: ObjectReference;
  type: 'Normal' | 'Warning';
  /** Why: a CamelCase constant. */
  reason: string;
  /** What was done: a CamelCase constant. */
  action: string;
  /** For people. Cut after 1,024 bytes. */
  note: string;
}

/** An events.k8s.io/v1 Event. */
export interface EventObject extends KubeObject, Omit<NewEvent, 'related'> {
  related?: ObjectReference | undefined;
  eventTime: string;
  reportingController: string;
  reportingInstance: string;
  series?: { count: number; lastObservedTime: string };
}

export const EVENTS = defineResource<EventObject>({
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
});

export interface Reporter {
  /** `example.com/controller`. */
  reportingController: string;
  /** Which replica: the pod's name. */
  reportingInstance: string;
}

const MAX_NOTE_BYTES = 1_024;

/** Refers to `object` as an Event needs it. */
export function referenceTo(resource: Resource, object: KubeObject): ObjectReference {
  const { namespace, name, uid, resourceVersion } = object.metadata;
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, namespace, name, uid, resourceVersion };
}

/** The Event as it is created. `now` is in milliseconds since the epoch. */
export function newEvent(event: NewEvent, reporter: Reporter, now: number): EventObject {
  const { regarding, related, type, reason, action, note } = event;
  const { reportingController, reportingInstance } = reporter;
  // A cluster-scoped object's events are kept in "default", by convention.
  const namespace = regarding.namespace || 'default';
  const name = `${(regarding.name ?? 'unknown').slice(0, 200)}.${randomUUID().replaceAll('-', '').slice(0, 16)}`;
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { namespace, name },
    regarding,
    ...(related && { related }),
    type,
    reason: reason.slice(0, 128),
    action: action.slice(0, 128),
    note: cutBytes(note, MAX_NOTE_BYTES),
    eventTime: microTime(now),
    reportingController,
    reportingInstance: reportingInstance.slice(0, 128),
  };
}

/** The same for events that are one and the same happening, again. */
export function eventKey({ type, reason, action, note, regarding, related }: NewEvent): string {
  return JSON.stringify([
    type,
    reason,
    action,
    note,
    referenceKey(regarding),
    related && referenceKey(related),
  ]);
}

// The version is left out: the same happening to the next version of an object is still the same.
export function referenceKey({ apiVersion, kind, namespace, name, uid }: ObjectReference): string {
  return [apiVersion, kind, namespace, name, uid].join('/');
}

// The API server counts bytes; a cut in the middle of a character would not be UTF-8.
function cutBytes(text: string, max: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= max) return text;
  return `${new TextDecoder().decode(bytes.subarray(0, max - 3)).replace(/\uFFFD+$/, '')}...`;
}
