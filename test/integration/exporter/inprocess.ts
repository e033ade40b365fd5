import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Report } from '../../../api/report.ts';
import type { ExportRun, RetireRun } from '../../../api/rundocument.ts';
import { systemClock } from '../../../exporter/clock.ts';
import { createDispatcher, createExchange } from '../../../exporter/criteo/exchange.ts';
import type { LedgerHome } from '../../../exporter/ledger/home.ts';
import { Ledger } from '../../../exporter/ledger/ledger.ts';
import { withoutLedger } from '../../../exporter/mirror/records.ts';
import { beginReport, run } from '../../../exporter/run.ts';
import { openSource } from '../../../exporter/source/open.ts';
import { surroundingsOf } from '../../../exporter/source/testkit.ts';
import { silentLog } from '../../../exporter/testkit.ts';
import { sandboxCredentials } from './program.ts';

export interface Here {
  home?: LedgerHome;
  /** Files of the source, by path. */
  files?: Record<string, string>;
  /** Added to the clock, in milliseconds: a later run is one of another day. */
  later?: number;
  settleMs?: number;
  leaseMs?: number;
  signal?: AbortSignal;
}

const dispatcher = createDispatcher('/does-not-exist');

/** The exporter's whole way in this process: for what a process of its own cannot be told, such as another day. */
export async function runHere(document: ExportRun | RetireRun, here: Here): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), 'segmentexport-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(here.files ?? {})) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
  const { later = 0, home, settleMs = 86_400_000, leaseMs = 60_000 } = here;
  const clock = { ...systemClock, now: () => systemClock.now() + later };
  const signal = here.signal ?? new AbortController().signal;
  const report = beginReport(document, clock.now());
  await run(
    document,
    {
      readCredentials: async () => sandboxCredentials,
      openSource: (exportRun) => openSource(exportRun, surroundingsOf(directory)),
      openRecords: async ({ export: exportName }) =>
        home
          ? await Ledger.open(home, exportName, { leaseMs, clock, signal, log: silentLog })
          : withoutLedger(),
      probeLedger: async () => undefined,
      exchange: createExchange(dispatcher),
      limits: { callTimeoutMs: 2000, retryBudgetMs: 2000, throttleBudgetMs: 2000 },
      settleMs,
      clock,
      log: silentLog,
      signal,
    },
    report,
  );
  return report;
}
