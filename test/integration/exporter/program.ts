import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeReport, type Report } from '../../../api/report.ts';
import type { CheckRun, ExportRun, RunSegment } from '../../../api/rundocument.ts';

const main = fileURLToPath(new URL('../../../exporter/main.ts', import.meta.url));

export interface Input {
  /** As text: what the controller would have put there, or something that is no run document. */
  document: CheckRun | ExportRun | string;
  /** Keys of the Secret; default: those of the sandbox's default client. */
  credentials?: Record<string, string>;
  /** Files of the source, by path. */
  files?: Record<string, string | Buffer>;
  /** Called with the source's directory, for what `files` cannot say. */
  prepare?: (directory: string) => Promise<void>;
  env?: Record<string, string>;
  caBundle?: string;
  /** Files without permissions are unreadable to it, as to the pod's user, even where root runs the tests. */
  heedsPermissions?: boolean;
}

export interface Outcome {
  exitCode: number | null;
  /** Undefined where none was written, or it is none. */
  report: Report | undefined;
  reportText: string;
  /** Standard output and standard error, in this order. */
  output: string;
}

export interface Program {
  /** Sends a signal to the program. */
  kill(signal: NodeJS.Signals): void;
  /** Resolves when a line of its log contains the text. */
  said(text: string): Promise<void>;
  outcome: Promise<Outcome>;
}

const withoutRootsRights = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search', '--'];

export const sandboxCredentials = { clientId: 'sandbox-client', clientSecret: 'sandbox-secret' };

/** Runs the exporter to its end, as a Job would: files in, report and exit code out. */
export async function runExporter(input: Input): Promise<Outcome> {
  const program = await startExporter(input);
  return await program.outcome;
}

export async function startExporter(input: Input): Promise<Program> {
  const directory = await mkdtemp(join(tmpdir(), 'segmentexport-'));
  const at = (name: string): string => join(directory, name);
  await mkdir(at('credentials'));
  await mkdir(at('source'));
  for (const [key, value] of Object.entries(input.credentials ?? sandboxCredentials)) {
    await writeFile(join(at('credentials'), key), value);
  }
  for (const [path, content] of Object.entries(input.files ?? {})) {
    await mkdir(dirname(join(at('source'), path)), { recursive: true });
    await writeFile(join(at('source'), path), content);
  }
  await input.prepare?.(at('source'));
  const { document } = input;
  await writeFile(at('run.json'), typeof document === 'string' ? document : JSON.stringify(document));
  if (input.caBundle !== undefined) await writeFile(at('ca.crt'), input.caBundle);

  const isRoot = process.getuid?.() === 0;
  const prefix = input.heedsPermissions && isRoot ? withoutRootsRights : [];
  const [command = process.execPath, ...args] = [...prefix, process.execPath, main];
  const child = spawn(command, args, {
    // Nothing of the machine's own, least of all its proxy.
    env: {
      PATH: process.env.PATH ?? '',
      // Most of such a short run is the reading of its modules.
      NODE_COMPILE_CACHE: join(tmpdir(), 'segmentexport-compile-cache'),
      SEGMENTEXPORT_RUN_DOCUMENT: at('run.json'),
      SEGMENTEXPORT_CREDENTIALS_DIR: at('credentials'),
      SEGMENTEXPORT_SOURCE_DIR: at('source'),
      SEGMENTEXPORT_CA_BUNDLE: at('ca.crt'),
      SEGMENTEXPORT_TERMINATION_MESSAGE: at('report'),
      SEGMENTEXPORT_RUN_ID: 'test-run',
      ...input.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    for (const listener of listeners) listener();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', async (exitCode) => {
      const reportText = await readFile(at('report'), 'utf8').catch(() => '');
      await chmod(at('source'), 0o700);
      await rm(directory, { recursive: true, force: true });
      resolve({ exitCode, report: decodeReport(reportText), reportText, output: output + errors });
    });
  });
  return {
    kill: (signal) => child.kill(signal),
    said: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (output.includes(text)) resolve();
        };
        listeners.add(look);
        look();
      }),
    outcome,
  };
}

const connection = { namespace: 'shop', name: 'nordic', uid: 'c0000000-0000-4000-8000-000000000001' };
export const exportName = {
  namespace: 'shop',
  name: 'newsletter',
  uid: 'e0000000-0000-4000-8000-000000000001',
};

/** A run document of kind Check. */
export function checkOf(baseUrl: string, change: Partial<CheckRun> = {}): CheckRun {
  return { formatVersion: 1, kind: 'Check', connection, api: { baseUrl, version: '2026-07' }, ...change };
}

/** A run document of kind Export: one segment from people.csv, its column `email`. */
export function exportOf(baseUrl: string, change: Partial<ExportRun> = {}): ExportRun {
  return {
    formatVersion: 1,
    kind: 'Export',
    connection,
    api: { baseUrl, version: '2026-07' },
    export: exportName,
    generation: 1,
    advertiserId: '12345',
    maxProfiles: 1_000_000,
    mode: 'AddOnly',
    rowFaultGuard: { maxPercent: 50 },
    removalGuard: { maxPercent: 30 },
    deletionPolicy: 'Retain',
    match: { email: { field: 'email', fallbackFields: [] } },
    // The servers of the tests are on this machine.
    allowLocalSource: true,
    source: { file: { path: 'people.csv', format: 'CSV', csv: { delimiter: 'Comma' } } },
    segments: [segmentOf('readers')],
    ...change,
  };
}

export function segmentOf(name: string, change: Partial<RunSegment> = {}): RunSegment {
  return { name, criteoName: name, existing: 'Refuse', ...change };
}
