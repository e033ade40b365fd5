import type {
  ActiveRun,
  CriteoSegmentExport,
  CriteoSegmentExportStatus,
} from '../../api/generated/criteosegmentexport.ts';
import { useUp } from './approval.ts';
import { policyOf } from './exportdocument.ts';
import { setOrDrop } from './fields.ts';
import { documentOf } from './jobdocument.ts';
import type { Job } from './kubernetes.ts';
import { remember } from './remembered.ts';
import { entryOf, withEntry } from './retirement.ts';

/** What status keeps of a run beside its claim, written with it: before the run can do anything. */
export function noteClaim(
  status: Partial<CriteoSegmentExportStatus>,
  active: ActiveRun,
  job: Job | undefined,
  resource: CriteoSegmentExport,
): void {
  if (active.approvedRun !== undefined) useUp(status, active.approvedRun);
  const document = job && documentOf(job);
  if (document?.kind === 'Export' && document.ledger && !document.plan) {
    const { connection } = document;
    status.ledgers = remember(status, connection);
    // What was told of an earlier time with this connection is over.
    const others = (status.retirements ?? []).filter((entry) => entry.connection !== connection.name);
    setOrDrop(status, 'retirements', others.length > 0 ? others : undefined);
  }
  if (active.trigger === 'Retire') {
    const connection = active.connection ?? '';
    const before = entryOf(status, connection);
    const { finishedAt: _, segments: _segments, segmentCount: _count, ...kept } = before ?? {};
    status.retirements = withEntry(status, {
      ...kept,
      connection,
      deletionPolicy: policyOf(resource.spec),
      attempts: (before?.attempts ?? 0) + 1,
      jobName: active.jobName,
      ...(active.startedAt === undefined ? {} : { startedAt: active.startedAt }),
      outcome: 'Running',
      reason: 'Running',
      message: `The Job ${active.jobName} is at it.`,
    });
  }
}
