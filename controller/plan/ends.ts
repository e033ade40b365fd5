import type {
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
} from '../../api/generated/criteosegmentexport.ts';
import { afterRun } from './afterrun.ts';
import { alsoRetires } from './connectionchange.ts';
import type { EndedRun } from './endedrun.ts';
import { setOrDrop } from './fields.ts';
import { afterPlan } from './plannedrun.ts';
import { learn } from './remembered.ts';
import { afterRetirement } from './retireresult.ts';
import { runResult } from './runresult.ts';

type Status = Partial<CriteoSegmentExportStatus>;

/** What the end of a run, a plan or a retirement changes in status. */
export function afterEnd(
  before: Status,
  ended: EndedRun,
  resource: CriteoSegmentExport,
  now: number,
): Status {
  const status = afterTrigger(before, ended, resource, now);
  const { document, outcome } = ended;
  if (document && outcome.kind === 'Reported' && !outcome.report.plan) {
    setOrDrop(status, 'ledgers', learn(status, document, outcome.report));
  }
  return status;
}

function afterTrigger(before: Status, ended: EndedRun, resource: CriteoSegmentExport, now: number): Status {
  switch (ended.active.trigger) {
    case 'Plan':
      return afterPlan(before, ended, alsoRetires(before, resource), now);
    case 'Retire':
      return afterRetirement(before, ended, resource, now);
    default:
      return afterRun(before, runResult(ended, before, now));
  }
}
