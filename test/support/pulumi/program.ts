import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repositoryDirectory } from '../../cluster/paths.ts';
import { configurationOf, type Project, type StackConfiguration } from './configuration.ts';
import type { Registration } from './registrations.ts';

const stacks = join(repositoryDirectory, 'pulumi/stacks');

export interface ProgramOptions {
  /** Name of the stack; its Pulumi.<stack>.yaml is read where there is one. Default: test. */
  stack?: string;
  /** Comes before the stack's file. */
  config?: StackConfiguration;
  /** Keys of config that are set with --secret. */
  secretKeys?: readonly string[];
  preview?: boolean;
}

export interface ProgramRun {
  /** In the order of registration. */
  registrations: Registration[];
  /** Of the stack, with secrets in plain. */
  outputs: Record<string, unknown>;
  secretOutputs: string[];
  exitCode: number | null;
  /** What a user reads. */
  printed: string;
}

/**
 * Runs a program of pulumi/stacks/ as Pulumi's CLI does it, by the start of Pulumi's own SDK and the options of
 * Pulumi.yaml, with Pulumi's mocks in the place of engine and cluster.
 *
 * @throws Error with the CLI's words where the configuration is refused before the program starts
 */
export async function runProgram(name: string, options: ProgramOptions = {}): Promise<ProgramRun> {
  const directory = join(stacks, name);
  const project = await readProject(name);
  const { stack = 'test' } = options;
  const values = { ...(await stackFile(directory, stack)), ...options.config };
  const configuration = configurationOf(project, stack, values);
  const temporary = await mkdtemp(join(tmpdir(), 'pulumi-program-'));
  try {
    const recordFile = join(temporary, 'record');
    const { exitCode, printed } = await runNode(
      [
        ...['--import', join(import.meta.dirname, 'mocks.ts')],
        ...(project.runtime.options.nodeargs?.split(' ') ?? []),
        createRequire(import.meta.url).resolve('@pulumi/pulumi/cmd/run'),
        ...['--monitor=mock', `--project=${project.name}`, `--stack=${stack}`],
        ...(options.preview ? ['--dry-run'] : []),
        ...[`--root-directory=${directory}`, `--pwd=${directory}`, project.main],
      ],
      {
        RECORD_FILE: recordFile,
        PULUMI_NODEJS_PROJECT: project.name,
        PULUMI_NODEJS_STACK: stack,
        PULUMI_NODEJS_DRY_RUN: String(options.preview ?? false),
        PULUMI_NODEJS_TYPESCRIPT: String(project.runtime.options.typescript),
        PULUMI_CONFIG: JSON.stringify(configuration),
        PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(
          options.secretKeys?.map((key) => `${project.name}:${key}`) ?? [],
        ),
      },
    );
    return { exitCode, printed, ...readRecord(await readFile(recordFile, 'utf8').catch(() => '')) };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

export async function readProject(name: string): Promise<Project> {
  return parse(await readFile(join(stacks, name, 'Pulumi.yaml'), 'utf8')) as Project;
}

async function stackFile(directory: string, stack: string): Promise<StackConfiguration> {
  const text = await readFile(join(directory, `Pulumi.${stack}.yaml`), 'utf8').catch(() => '{}');
  return ((parse(text) as { config?: StackConfiguration }).config ?? {}) as StackConfiguration;
}

function runNode(
  args: readonly string[],
  environment: Record<string, string>,
): Promise<{ exitCode: number | null; printed: string }> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  const keep = (chunk: string): void => {
    printed += chunk;
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, printed }));
  });
}

function readRecord(text: string): Pick<ProgramRun, 'registrations' | 'outputs' | 'secretOutputs'> {
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map(
      (line) => JSON.parse(line) as Registration | { outputsOf: string; plain: object; secrets: string[] },
    );
  const registrations = lines.filter((line): line is Registration => 'urn' in line);
  const stack = registrations.find(({ type }) => type === 'pulumi:pulumi:Stack')?.urn;
  const outputs = lines.filter((line) => 'outputsOf' in line).find(({ outputsOf }) => outputsOf === stack);
  return {
    registrations,
    outputs: { ...outputs?.plain },
    secretOutputs: outputs?.secrets ?? [],
  };
}
