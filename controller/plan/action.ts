import type { EventReason } from './eventreasons.ts';
import type { Claim, CronJob, Job } from './kubernetes.ts';

/**
 * What a plan wants done, after its status was written: the status is the claim
 * under which a Job is released, and the record from which a crash recovers.
 */
export type Action =
  | { kind: 'ApplyCronJob'; cronJob: CronJob }
  /** The definition cannot be turned into a template: the old one must start nothing. */
  | { kind: 'SuspendCronJob'; cronJob: CronJob }
  | { kind: 'CreateJob'; job: Job }
  /** A ledger's. It is never changed or deleted. */
  | { kind: 'CreateClaim'; claim: Claim }
  /** Of the export itself: with it, a deleted one waits until its segments were dealt with. */
  | { kind: 'AddFinalizer' }
  | { kind: 'RemoveFinalizer' }
  /** Lets a held Job start. */
  | { kind: 'ReleaseJob'; job: Job }
  /**
   * A held Job is deleted only as it was observed: one that was released since is
   * at work. The event is published only by the controller whose delete took effect.
   */
  | { kind: 'DeleteJob'; job: Job; event?: PlannedEvent };

/** An event to be published once the status was written. */
export interface PlannedEvent {
  type: 'Normal' | 'Warning';
  reason: EventReason;
  /** What the controller did or refused to do: the `action` of events.k8s.io/v1. */
  action: string;
  note: string;
  /** Also a line of the log: the object that it is about, and the events of its namespace, may be gone in a moment. */
  logged?: true;
}

export interface Plan<Status> {
  status: Status;
  actions: Action[];
  events: PlannedEvent[];
  /** Milliseconds until time alone may change the plan. */
  lookAgainAfterMs?: number;
}
