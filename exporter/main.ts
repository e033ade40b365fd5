import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { RunReason } from '../api/reasons.ts';
import { encodeReport, exitCodeOf, type Report, sumCounts } from '../api/report.ts';
import { type ExportRun, parseRunDocument, type RetireRun, type RunDocument } from '../api/rundocument.ts';
import { systemClock } from './clock.ts';
import { readCredentials } from './credentials.ts';
import { createDispatcher, createExchange, createGuardedDispatcher } from './criteo/exchange.ts';
import { type Limits, limitsOf } from './criteo/transport.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { withHeartbeat } from './heartbeat.ts';
import { Ledger } from './ledger/ledger.ts';
import { openHome, probeStore } from './ledger/open.ts';
import { createLog, placeOf } from './log.ts';
import { defaultSettleMs } from './mirror/history.ts';
import { type Records, withoutLedger } from './mirror/records.ts';
import { beginReport, run } from './run.ts';
import { openSource, type SourceSurroundings } from './source/open.ts';

const environment = readEnvironment(process.env);
const log = withHeartbeat(createLog((line) => process.stdout.write(line), environment.run, Date.now));
const interruption = new AbortController();
/** What is written where the program ends at this moment. */
let report: Report = {
  kind: 'Export',
  reason: 'Interrupted',
  startedAt: Date.now(),
  finishedAt: Date.now(),
  calls: 0,
  throttledMs: 0,
};

/** A run that was told to end has this long to end by itself; Kubernetes kills it after 30 s. */
const gracePeriodMs = 5_000;

for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.on(name, () => {
    log.warn('told to end');
    interruption.abort();
    setTimeout(() => endWith('Interrupted'), gracePeriodMs).unref();
  });
}
// Node would print the error's text, which may hold what was being read.
for (const name of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(name, (error: unknown) => {
    log.error('an unexpected fault', placeOf(error));
    endWith('InternalError');
  });
}

const dispatcher = createDispatcher(environment.caBundle);
const document = await readRunDocument(environment.runDocument);
report = beginReport(document, Date.now());
log.info('run begins', { kind: document.kind });
await run(
  document,
  {
    readCredentials: () => readCredentials(environment.credentials),
    openSource: (exportRun) => openSource(exportRun, sourceSurroundings(exportRun)),
    openRecords,
    probeLedger: ({ ledger }) => (ledger ? probeStore(ledger.s3, ledgerPlaces()) : Promise.resolve()),
    exchange: createExchange(dispatcher),
    settleMs: environment.settleMs ?? defaultSettleMs,
    limits: limitsFor(document.kind, environment),
    clock: systemClock,
    log,
    signal: interruption.signal,
  },
  report,
);
end();

async function readRunDocument(path: string): Promise<RunDocument> {
  try {
    return parseRunDocument(await readFile(path, 'utf8'));
  } catch (error) {
    log.error('the run document cannot be used', placeOf(error));
    return endWith('RunDocumentInvalid');
  }
}

function sourceSurroundings({ allowLocalSource }: ExportRun): SourceSurroundings {
  const { source, sourceCredentials, sourceCa, identityToken, stsEndpoint } = environment;
  return {
    directory: source,
    credentialsDirectory: sourceCredentials,
    caDirectory: sourceCa,
    identityToken,
    dispatcher: allowLocalSource ? dispatcher : createGuardedDispatcher(environment.caBundle),
    refusesLocal: !allowLocalSource,
    clock: systemClock,
    log,
    ...(stsEndpoint === undefined ? {} : { stsEndpoint }),
  };
}

function ledgerPlaces() {
  const { ledger: ledgerDirectory, ledgerCredentials: credentialsDirectory } = environment;
  return { ledgerDirectory, credentialsDirectory, dispatcher };
}

async function openRecords({ export: exportName, ledger }: ExportRun | RetireRun): Promise<Records> {
  if (!ledger) return withoutLedger();
  const home = await openHome({ ledger, export: exportName }, ledgerPlaces());
  const { leaseMs } = environment;
  const options = { clock: systemClock, signal: interruption.signal, log };
  return await Ledger.open(home, exportName, { ...options, ...(leaseMs === undefined ? {} : { leaseMs }) });
}

function limitsFor(kind: Report['kind'], { retryBudgetMs, callTimeoutMs }: Environment): Limits {
  const limits = { ...limitsOf[kind] };
  if (retryBudgetMs !== undefined) {
    limits.retryBudgetMs = retryBudgetMs;
    limits.throttleBudgetMs = retryBudgetMs;
  }
  if (callTimeoutMs !== undefined) limits.callTimeoutMs = callTimeoutMs;
  return limits;
}

function endWith(reason: RunReason): never {
  report.reason = reason;
  report.finishedAt = Date.now();
  end();
}

function end(): never {
  const code = exitCodeOf(report);
  log.info('run ends', {
    reason: report.reason,
    ...report.details,
    calls: report.calls,
    throttledMs: report.throttledMs,
    ...(report.segments ? sumCounts(report.segments) : {}),
  });
  try {
    writeFileSync(environment.terminationMessage, encodeReport(report));
  } catch (error) {
    log.error('the report cannot be written', placeOf(error));
  }
  process.exit(code);
}
