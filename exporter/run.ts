import { noCounts, type Report, type SegmentReport } from '../api/report.ts';
import type { CheckRun, ExportRun, RunDocument, RunSegment } from '../api/rundocument.ts';
import type { Clock } from './clock.ts';
import type { Credentials } from './credentials.ts';
import { listAdvertisers } from './criteo/advertisers.ts';
import { Client } from './criteo/client.ts';
import { addIdentifiers } from './criteo/contactlist.ts';
import { SegmentDirectory } from './criteo/directory.ts';
import type { Exchange } from './criteo/exchange.ts';
import { Refusal } from './criteo/refusal.ts';
import { type Limits, Transport } from './criteo/transport.ts';
import { Fault } from './fault.ts';
import { Selection, select } from './identity/selection.ts';
import { type Log, placeOf } from './log.ts';
import { startProgress } from './progress.ts';
import { endsRun } from './severity.ts';
import type { Source } from './source/source.ts';

/** What a run needs of the world. */
export interface World {
  readCredentials(): Promise<Credentials>;
  openSource(document: ExportRun): Source;
  exchange: Exchange;
  limits: Limits;
  clock: Clock;
  log: Log;
  /** Aborted where the run is to end early. */
  signal: AbortSignal;
}

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
  if (document.kind === 'Export') {
    report.segments = document.segments.map((): SegmentReport => ({ reason: 'NotRun', ...noCounts }));
  }
  return report;
}

/** Carries a run out, and writes into the report what came of it. Never throws. */
export async function run(document: RunDocument, world: World, report: Report): Promise<void> {
  const transport = new Transport(world.exchange, world.limits, world.clock, world.log, world.signal);
  try {
    const credentials = await world.readCredentials();
    const client = new Client(transport, document.api, credentials, world.clock);
    if (document.kind === 'Check') await check(document, client, report);
    else await exportSegments(document, client, world, report);
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

async function check(document: CheckRun, client: Client, report: Report): Promise<void> {
  const ids = await listAdvertisers(client);
  report.advertisers = { total: ids.length, ids };
  allowAdvertiser(ids, document.advertiserId);
  report.reason = 'Succeeded';
}

/** A run's way: who may, what is there, whether it is too much, and only then the first call that writes. */
async function exportSegments(
  document: ExportRun,
  client: Client,
  world: World,
  report: Report,
): Promise<void> {
  allowAdvertiser(await listAdvertisers(client), document.advertiserId);

  const selections = document.segments.map(() => new Selection(document.maxProfiles + 1));
  const lines = report.segments ?? [];
  try {
    await readSource(document, world, selections);
  } finally {
    for (const [index, selection] of selections.entries())
      Object.assign(lines[index] ?? {}, selection.counts);
  }
  for (const [index, selection] of selections.entries()) {
    const refusal = selection.refusal();
    const line = lines[index];
    if (refusal && line) conclude(line, refusal);
  }

  const directory = new SegmentDirectory(client, document.advertiserId, document.export, document.name ?? '');
  for (const [index, segment] of document.segments.entries()) {
    const line = lines[index];
    const selection = selections[index];
    if (!line || !selection || line.reason !== 'NotRun') continue;
    try {
      const upload = { segment, line, place: `segment ${index + 1} of ${lines.length}` };
      await uploadSegment(client, directory, selection, upload, world.log);
      line.reason = 'Succeeded';
    } catch (error) {
      const fault = toFault(error, world);
      conclude(line, fault);
      if (endsRun(fault.reason)) throw fault;
    }
  }
  report.reason = lines.every((line) => line.reason === 'Succeeded') ? 'Succeeded' : 'SegmentsFailed';
}

async function readSource(
  document: ExportRun,
  world: World,
  selections: readonly Selection[],
): Promise<void> {
  using progress = startProgress(world.log, (rows) => `read ${rows} rows`);
  const source = world.openSource(document);
  await select(source, selections, document.maxProfiles, world.signal, progress.advance);
}

interface Upload {
  segment: RunSegment;
  line: SegmentReport;
  /** For log lines: a segment's name is the user's own text. */
  place: string;
}

async function uploadSegment(
  client: Client,
  directory: SegmentDirectory,
  selection: Selection,
  { segment, line, place }: Upload,
  log: Log,
): Promise<void> {
  const digests = selection.digests.drain();
  const total = selection.counts.selected;
  using progress = startProgress(log, (sent) => `uploaded ${sent} of ${total} identifiers to ${place}`);
  for (let attempt = 0; ; attempt++) {
    line.criteoSegmentId = await directory.open(segment);
    line.uploaded = 0;
    line.refused = 0;
    try {
      for await (const { sent, valid, invalid } of addIdentifiers(client, line.criteoSegmentId, digests)) {
        line.uploaded += valid;
        line.refused += invalid;
        progress.advance(sent);
      }
      return;
    } catch (error) {
      // Someone deleted the segment after it was found: look again, once.
      const gone = error instanceof Refusal && (error.status === 404 || error.has('audience-invalid'));
      if (!gone || attempt > 0) throw error;
      directory.refresh();
    }
  }
}

function allowAdvertiser(ids: readonly string[], advertiserId: string | undefined): void {
  if (advertiserId !== undefined && !ids.includes(advertiserId)) throw new Fault('AdvertiserNotAllowed');
}

function conclude(line: SegmentReport, fault: Fault): void {
  line.reason = fault.reason;
  if (fault.details) line.details = fault.details;
}

function toFault(error: unknown, { signal, log }: World): Fault {
  if (signal.aborted) return new Fault('Interrupted');
  if (error instanceof Fault) return error;
  if (error instanceof Refusal) return error.toFault();
  log.error('an unexpected fault', placeOf(error));
  return new Fault('InternalError');
}
