import type { RunReason } from '../api/reasons.ts';

/** What is wrong with one segment and says nothing of the next. */
const ofOneSegment: readonly RunReason[] = [
  'SegmentNotOurs',
  'SegmentOwnedByAnother',
  'SegmentReadOnly',
  'SegmentNameRefused',
  'SegmentNotInLedger',
  'AdvertiserNotAllowed',
  'CriteoRefused',
  'CriteoReplyInvalid',
];

/** Whether a fault met while uploading a segment is the whole run's: the segments after it would meet it too. */
export function endsRun(reason: RunReason): boolean {
  return !ofOneSegment.includes(reason);
}
