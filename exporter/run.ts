import { noCounts, type Report, type SegmentReport } from '../api/report.ts';
import type { CheckRun, RunDocument } from '../api/rundocument.ts';
import { allowAdvertiser, listAdvertisers } from './criteo/advertisers.ts';
import { Client } from './criteo/client.ts';
import { Transport } from './criteo/transport.ts';
import { exportSegments } from './exportrun.ts';
import { retireSegments } from './retirerun.ts';
import { addStatistics } from './runstatistics.ts';
import { toFault, type World } from './world.ts';

/**
 * The report as it stands before anything was done: a run that is cut off at any
 * moment has an honest one to write.
 */
export function beginReport(document: RunDocument, now: number): Report {
  const report: Report = {
    kind: document.kind,
    reason: 'Interrupted',
    startedAt: now,
    finishedAt: now,
    calls: 0,
    throttledMs: 0,
  };
  if (document.kind !== 'Export') return report;
  if (document.plan) report.plan = true;
  report.segments = document.segments.map(
    (): SegmentReport => ({ reason: 'NotRun', action: 'None', ...noCounts }),
  );
  return report;
}

/** Carries a run out, and writes into the report what came of it. Never throws. */
export async function run(document: RunDocument, world: World, report: Report): Promise<void> {
  const transport = new Transport(world.exchange, world.limits, world.clock, world.log, world.signal);
  try {
    const credentials = await world.readCredentials();
    const client = new Client(transport, document.api, credentials, world.clock);
    if (document.kind === 'Check') await check(document, client, world, report);
    else if (document.kind === 'Export') {
      await exportSegments(document, client, world, report);
      if (!document.plan) await addStatistics(report.segments ?? [], client, world);
    } else await retireSegments(document, client, world, report);
  } catch (error) {
    const fault = toFault(error, world);
    report.reason = fault.reason;
    if (fault.details) report.details = fault.details;
  }
  report.calls = transport.calls;
  report.throttledMs = transport.throttledMs;
  if (transport.deprecated) report.deprecated = transport.deprecated;
  report.finishedAt = world.clock.now();
}

async function check(document: CheckRun, client: Client, world: World, report: Report): Promise<void> {
  const ids = await listAdvertisers(client);
  report.advertisers = { total: ids.length, ids };
  allowAdvertiser(ids, document.advertiserId);
  await world.probeLedger(document);
  report.reason = 'Succeeded';
}
