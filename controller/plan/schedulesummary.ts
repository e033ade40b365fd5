import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { defaultTimeZone } from './cronjob.ts';
import { targetOf } from './followed.ts';
import { cut } from './text.ts';

const maxLength = 100;

/**
 * When runs start, in one line: the column SCHEDULE, which cannot put it together from spec.
 * Example: "0 4 * * * (Europe/Oslo), after CronJob nightly-refresh".
 */
export function scheduleSummary({ spec }: Pick<CriteoSegmentExport, 'spec'>): string {
  const { schedule, runAfter = [], runAfterPolicy } = spec;
  const starts: string[] = [];
  if (schedule) starts.push(clock(schedule));
  if (runAfter.length > 0) {
    starts.push(`after ${runAfter.map(targetOf).join(runAfterPolicy === 'All' ? ' and ' : ' or ')}`);
  }
  return shortened(starts.join(', ') || 'on request');
}

/** NEXT RUN is in UTC: without the zone the two columns would contradict each other. */
function clock({ cron, timeZone = defaultTimeZone }: { cron: string; timeZone?: string }): string {
  return timeZone === defaultTimeZone ? cron : `${cron} (${timeZone})`;
}

function shortened(text: string): string {
  return text.length > maxLength ? `${cut(text, maxLength - 3)}...` : text;
}
