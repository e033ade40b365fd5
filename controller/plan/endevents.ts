import type { PlannedEvent } from './action.ts';
import { cancelled } from './afterrun.ts';
import { isEndReason } from './endreasons.ts';
import type { EventReason } from './eventreasons.ts';

/** What status tells of a run or a plan that is over. */
interface Ended {
  jobName: string;
  outcome: string;
  /** Read back from the API, and typed as any text. */
  reason: string;
  message?: string;
}

const kinds = {
  run: { succeeded: 'RunSucceeded', action: 'FinishRun' },
  plan: { succeeded: 'PlanFinished', action: 'FinishPlan' },
} as const;

/** The event of its end; none where status tells of it in the words of another release. */
export function endEvents(kind: keyof typeof kinds, ended: Ended): PlannedEvent[] {
  const { succeeded, action } = kinds[kind];
  const reason = eventReason(ended, succeeded);
  if (reason === undefined) return [];
  const { jobName, outcome, message = '' } = ended;
  return [
    {
      type: outcome === 'Succeeded' || ended.reason === cancelled ? 'Normal' : 'Warning',
      reason,
      action,
      note: `The ${kind} ${jobName} ended: ${outcome}. ${message}`,
    },
  ];
}

function eventReason({ outcome, reason }: Ended, succeeded: EventReason): EventReason | undefined {
  if (outcome === 'Succeeded') return succeeded;
  if (reason === cancelled) return 'RunCancelled';
  return isEndReason(reason) ? reason : undefined;
}
