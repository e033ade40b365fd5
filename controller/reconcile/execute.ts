import { canonicalJson } from '../../api/hash.ts';
import { finalizer } from '../../api/names.ts';
import type { Action, Plan, PlannedEvent } from '../plan/action.ts';
import { type Condition, toldRefusal } from '../plan/conditions.ts';
import type { Refusal } from '../plan/definition.ts';
import { isHeld } from '../plan/kubernetes.ts';
import type { KubeClient } from '../runtime/client.ts';
import {
  ApiError,
  errorMessage,
  isAlreadyExists,
  isConflict,
  isForbidden,
  isInvalid,
  isNotFound,
} from '../runtime/errors.ts';
import { type EventRecorder, referenceTo } from '../runtime/events.ts';
import type { Fields, Logger } from '../runtime/log.ts';
import type { KubeObject, Resource } from '../runtime/resource.ts';
import { isNewer } from '../runtime/resourceversion.ts';
import { claims, cronJobs, jobs } from './resources.ts';
import { endedRuns, runFields } from './runlog.ts';

/** Writes a line about a run. */
type TellRun = (what: string, run: string | undefined, more?: Fields) => void;

interface WithStatus<Status> extends KubeObject {
  status?: Status;
}

/** As a version, later than every other. */
const gone = 'gone';

/**
 * Carries a plan out: the status, then the events that it explains, then the
 * actions in their order. Ends at the first error; the next reconcile plans anew
 * from what is there. `mended`: a child was refused before, and status may say so still.
 * `onReleased` hears of a Job that was released, though a later action may fail.
 */
export class Executor {
  readonly #client: KubeClient;
  readonly #events: EventRecorder;
  readonly #logger: Logger;
  /** By uid of the object: the resourceVersion of our last write, until the watch has caught up. */
  readonly #written = new Map<string, string>();

  /** By uid of the owner: why the API server refused a child of it, until it takes one. */
  readonly #refusals = new Map<string, Refusal>();

  /** By uid: the API server has taken all, and status says otherwise still. */
  readonly #mended = new Set<string>();

  constructor(client: KubeClient, events: EventRecorder, logger: Logger) {
    this.#client = client;
    this.#events = events;
    this.#logger = logger;
  }

  /**
   * For the next plan, which tells it in a condition. A new leader has not tried yet: until it
   * has, what status says holds, or each restart would be a moment of Ready, told by two events.
   */
  refusalOf(object: WithStatus<unknown>): Refusal | undefined {
    const { uid = '' } = object.metadata;
    const known = this.#refusals.get(uid);
    if (known) return known;
    const message = refusalIn(object);
    if (message === undefined) this.#mended.delete(uid);
    return message === undefined || this.#mended.has(uid)
      ? undefined
      : { message, namespaceTerminating: false };
  }

  /**
   * Whether we wrote the object's status after it was as here. A plan from it could
   * make a Job again that has ended and gone meanwhile.
   */
  wroteAfter(object: KubeObject): boolean {
    const { uid = '', resourceVersion = '' } = object.metadata;
    const written = this.#written.get(uid);
    if (written !== undefined && isNewer(written, resourceVersion)) return true;
    this.#written.delete(uid);
    return false;
  }

  async execute<Status, T extends WithStatus<Status>>(
    resource: Resource<T>,
    object: T,
    plan: Plan<Status>,
    signal: AbortSignal,
    onReleased: () => void = () => {},
  ): Promise<{ mended: boolean; isGone?: true }> {
    const { uid = '', namespace, name } = object.metadata;
    const publish = ({ logged, ...event }: PlannedEvent): void => {
      if (logged) this.#logger.warn(event.note, { reason: event.reason, namespace, name });
      this.#events.event({ regarding: referenceTo(resource, object), ...event });
    };
    const tellRun: TellRun = (what, run, more) =>
      this.#logger.info(what, { ...runFields(resource, object, run), ...more });
    let latest: KubeObject = object;
    if (canonicalJson(object.status) !== canonicalJson(plan.status)) {
      // The object's resourceVersion makes this the claim: of two controllers only one gets through.
      const written = await unlessGone(
        this.#client.updateStatus(resource, { ...object, status: plan.status }, { signal }),
      );
      if (!written) return { mended: false, isGone: true };
      this.#wrote(written);
      latest = written;
      // Here and not from the events: this write succeeds once, whichever controller makes it.
      for (const { run, ...end } of endedRuns(object.status, plan.status)) tellRun('run ended', run, end);
    }
    for (const event of plan.events) publish(event);
    try {
      for (const action of plan.actions) {
        if (action.kind === 'AddFinalizer' || action.kind === 'RemoveFinalizer') {
          const changed = await unlessGone(this.#changeFinalizer(resource, latest, action.kind, signal));
          if (!changed) return { mended: false, isGone: true };
          latest = changed;
        } else {
          await this.#act(action, publish, tellRun, signal);
          if (action.kind === 'ReleaseJob') onReleased();
        }
      }
    } catch (error) {
      if (isInvalid(error) || isForbidden(error)) {
        this.#refusals.set(uid, refusalBy(error));
        this.#mended.delete(uid);
      }
      throw error;
    }
    const isNews = !this.#mended.has(uid) && refusalIn(object) !== undefined;
    if (isNews) this.#mended.add(uid);
    return { mended: this.#refusals.delete(uid) || isNews };
  }

  #wrote({ metadata }: KubeObject): void {
    this.#written.set(metadata.uid ?? '', metadata.resourceVersion ?? '');
  }

  /**
   * The list is replaced as a whole, and only as it was seen: what others wait for stays.
   * @returns the object as it is now; one that was deleted is gone with its last finalizer.
   */
  async #changeFinalizer(
    resource: Resource,
    object: KubeObject,
    kind: 'AddFinalizer' | 'RemoveFinalizer',
    signal: AbortSignal,
  ): Promise<KubeObject> {
    const { uid, resourceVersion, finalizers = [] } = object.metadata;
    const others = finalizers.filter((name) => name !== finalizer);
    const wanted = kind === 'AddFinalizer' ? [...others, finalizer] : others;
    const patch = { metadata: { uid, resourceVersion, finalizers: wanted } };
    const patched = await this.#client.patch(resource, refOf(object), patch, { signal });
    this.#wrote(patched);
    // The answer has the version of before: told by it, what was left at Criteo would be told again to a watch that is late.
    const isLast = object.metadata.deletionTimestamp !== undefined && wanted.length === 0;
    if (isLast) this.#written.set(uid ?? '', gone);
    return patched;
  }

  async #act(
    action: Exclude<Action, { kind: 'AddFinalizer' | 'RemoveFinalizer' }>,
    publish: (event: PlannedEvent) => void,
    tellRun: TellRun,
    signal: AbortSignal,
  ): Promise<void> {
    switch (action.kind) {
      case 'ApplyCronJob':
        await this.#client.apply(cronJobs, action.cronJob as KubeObject & { metadata: { name: string } }, {
          force: true,
          signal,
        });
        return;
      case 'SuspendCronJob':
        await this.#client.patch(cronJobs, refOf(action.cronJob), { spec: { suspend: true } }, { signal });
        return;
      case 'CreateJob':
        // Its name follows from why it is made, so one that exists is this one.
        if (await ignoring(isAlreadyExists, this.#client.create(jobs, action.job, { signal })))
          tellRun('run created', action.job.metadata.name);
        return;
      case 'CreateClaim':
        await ignoring(isAlreadyExists, this.#client.create(claims, action.claim, { signal }));
        return;
      case 'ReleaseJob': {
        const { uid, resourceVersion } = action.job.metadata;
        const patch = { metadata: { uid, resourceVersion }, spec: { suspend: false } };
        await this.#client.patch(jobs, refOf(action.job), patch, { signal });
        tellRun('run released', action.job.metadata.name);
        return;
      }
      case 'DeleteJob': {
        const { uid, resourceVersion } = action.job.metadata;
        const options = {
          propagationPolicy: 'Background' as const,
          signal,
          ...(uid === undefined ? {} : { uid }),
          // Released since it was seen, it is at work, and is not ours to end.
          ...(isHeld(action.job) && resourceVersion !== undefined ? { resourceVersion } : {}),
        };
        const gone = (error: unknown): boolean => isNotFound(error) || isConflict(error);
        const deleted = await ignoring(gone, this.#client.delete(jobs, refOf(action.job), options));
        if (!deleted) return;
        const { event } = action;
        if (event) publish(event);
        const what = event?.reason === 'RunSkipped' ? 'run skipped' : 'Job of a run deleted';
        tellRun(what, action.job.metadata.name, event ? { reason: event.reason, why: event.note } : {});
        return;
      }
    }
  }
}

function refusalIn({ metadata, status }: WithStatus<unknown>): string | undefined {
  // Stored under another version of the CRD, it may be anything; that is told by a plan too.
  const conditions: unknown = Object(status).conditions;
  if (!Array.isArray(conditions)) return undefined;
  const legible: Condition[] = conditions.filter((one) => typeof one?.message === 'string');
  return toldRefusal(legible, metadata.generation);
}

function refusalBy(error: unknown): Refusal {
  const causes = error instanceof ApiError ? (error.details?.causes ?? []) : [];
  return {
    message: errorMessage(error),
    namespaceTerminating: causes.some(({ reason }) => reason === 'NamespaceTerminating'),
  };
}

/** True where the call took effect, false where it failed in the way that is no fault. */
async function ignoring(harmless: (error: unknown) => boolean, call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (harmless(error)) return false;
    throw error;
  }
}

/** What is planned for may be gone before the watch says so: then there is nothing left to write to. */
async function unlessGone<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function refOf(object: KubeObject): { namespace?: string; name: string } {
  const { namespace, name } = object.metadata;
  return { ...(namespace === undefined ? {} : { namespace }), name: name ?? '' };
}
