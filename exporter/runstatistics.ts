import type { SegmentReport } from '../api/report.ts';
import type { Client } from './criteo/client.ts';
import { Refusal } from './criteo/refusal.ts';
import { readStatistics } from './criteo/segments.ts';
import { placeOf } from './log.ts';
import { startProgress } from './progress.ts';
import type { World } from './world.ts';

/**
 * Adds what Criteo says of the segments that the run filled, or found as they should be. Asked at the very
 * end, because Criteo counts some time after it acknowledges, and without the ledger's lease. Never throws.
 */
export async function addStatistics(
  lines: readonly SegmentReport[],
  client: Client,
  { log, signal }: World,
): Promise<void> {
  const known = lines.filter(({ reason }) => reason === 'Succeeded');
  using progress = startProgress(log, (done) => `read statistics of ${done} of ${known.length} segments`);
  for (const line of known) {
    if (line.criteoSegmentId === undefined || signal.aborted) continue;
    try {
      const statistics = await readStatistics(client, line.criteoSegmentId);
      if (Object.keys(statistics).length > 0) line.statistics = statistics;
      progress.advance(1);
    } catch (error) {
      // Somebody deleted the segment this moment: of the others Criteo may still tell.
      if (error instanceof Refusal) continue;
      // What does not answer once is not waited for fifty times: the run has done its work.
      log.warn('Criteo told no statistics', placeOf(error));
      return;
    }
  }
}
