import type { CriteoSegmentExport, SkippedRun } from '../../../api/generated/criteosegmentexport.ts';
import { skipReasons } from '../endreasons.ts';
import { secondsOf, wordOf } from './read.ts';

interface SkippedRunLabels extends Record<string, string> {
  trigger: string;
  reason: string;
}

// As an object, so that one that is added to the CRD and forgotten here does not compile.
const triggers: Record<SkippedRun['trigger'], true> = {
  Schedule: true,
  After: true,
  Request: true,
  Manual: true,
  Approval: true,
  Plan: true,
  Retire: true,
};
const reasons: readonly unknown[] = [...skipReasons, 'Cancelled'];

/** When a run was last skipped, in seconds since the epoch, and by which words; undefined where none was. */
export function skippedRunOf({
  status,
}: CriteoSegmentExport): { labels: SkippedRunLabels; value: number } | undefined {
  const { trigger, reason, skippedAt } = status?.lastSkippedRun ?? {};
  const value = secondsOf(skippedAt);
  if (value === undefined) return undefined;
  return {
    labels: {
      trigger: wordOf(trigger, (word) => Object.hasOwn(triggers, word)),
      reason: wordOf(reason, (word) => reasons.includes(word)),
    },
    value,
  };
}
