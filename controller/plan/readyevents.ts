import type { CriteoSegmentExportStatus } from '../../api/generated/criteosegmentexport.ts';
import { conditionTypes } from '../../api/reasons.ts';
import type { PlannedEvent } from './action.ts';
import { isEndedByPerson } from './afterrun.ts';
import { type ExportReason, isExportReason } from './conditionreasons.ts';
import { type Condition, findCondition } from './conditions.ts';
import { isIn } from './isin.ts';

type Status = Partial<CriteoSegmentExportStatus>;

/** Ready is True, and something rests on purpose: each was told by an event when it began. */
const rests = ['Suspended', 'ConnectionSuspended', 'ConsentWithdrawn'] as const satisfies ExportReason[];
/** What Ready says of runs, whatever they ended by. */
const ofRuns = [
  'RunSucceeded',
  'LastRunFailed',
  'RunsFailing',
  'RemovalGuard',
] as const satisfies ExportReason[];

/** A change of Ready, as far as no event of a run's end has told of it. */
export function readyEvents(before: Status, after: Status): PlannedEvent[] {
  const ready = findCondition(after.conditions, conditionTypes.ready);
  const then = findCondition(before.conditions, conditionTypes.ready);
  // A status read back may have any text; what is new in it is of the list.
  if (!ready || !isExportReason(ready.reason) || ready.reason === 'AwaitingConnection') return [];
  if (ready.status === then?.status && ready.reason === then.reason) return [];
  const change = (reason: ExportReason | 'Recovered', isGood: boolean, note: string): PlannedEvent[] => [
    { type: isGood ? 'Normal' : 'Warning', reason, action: 'CheckDefinition', note },
  ];
  if (!tellsOfRuns(ready, after) || isNewWait(ready, then, before, after)) {
    const isGood = ready.status === 'True' || ready.reason === 'Deleting';
    return change(ready.reason, isGood, ready.message);
  }
  // Each run was told of when it ended: told again, it would be one run more to whoever counts events.
  if (ready.status !== 'True' || !wasToldOf(then)) return [];
  return change('Recovered', true, `The export is ready again. The last run: ${ready.message}`);
}

function tellsOfRuns({ reason, message }: Condition, { lastRun, history = [], definition }: Status): boolean {
  if (isIn(ofRuns, reason)) return true;
  // It waits for a run because a person ended the last one, and says so.
  if (reason === 'AwaitingRun')
    return Boolean(lastRun?.message) && message.startsWith(lastRun?.message ?? '');
  const judged = [...(lastRun ? [lastRun] : []), ...history].find((run) => !isEndedByPerson(run));
  // A check may tell the same of a definition that no run has used.
  return judged?.reason === reason && judged.generation === definition?.generation;
}

/** Not told yet: it is of an attempt to retire something, or stood behind what else had failed of its run. */
function isNewWait(ready: Condition, then: Condition | undefined, before: Status, after: Status): boolean {
  if (ready.reason !== 'RemovalGuard') return false;
  const known = waits(before);
  return then?.reason === 'SegmentsFailed' || waits(after).some((token) => !known.includes(token));
}

/** What waits for a person's word, by what it stands for: its name changes where an approved run comes to nothing. */
function waits({ pendingApproval, retirements = [] }: Status): string[] {
  const all = [pendingApproval, ...retirements.map((entry) => entry.pendingApproval)];
  return all.flatMap((pending) => (pending ? [pending.token] : []));
}

/** Whether an event had told that the export was not ready, or rested. */
function wasToldOf(then: Condition | undefined): boolean {
  if (then?.status === 'True') return isIn(rests, then.reason);
  return then?.status === 'False' && then.reason !== 'AwaitingConnection';
}
