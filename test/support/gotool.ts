import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cachedProgram } from '../cluster/binary.ts';
import { duration, ProgressReporter } from '../cluster/build-progress.ts';
import { repositoryDirectory } from '../cluster/paths.ts';

const flags = ['-trimpath', '-ldflags', '-s -w'];

/** A program that is published as a Go module. */
export interface GoTool {
  /** Of the program, which is the last part of the module's path. */
  name: string;
  /** `path@version`. */
  module: string;
  /** Packages that it is compiled from, its dependencies and Go's own included; for the progress alone. */
  packages: number;
  /** What the tests need it for, as part of a sentence. */
  purpose: string;
}

/** Compiles it once, outside the checkout; the first time that takes a minute or two. Returns the program's path. */
export async function goTool(tool: GoTool, log: (line: string) => void): Promise<string> {
  const { name, module } = tool;
  const directory = await cachedProgram(name, [module, ...flags], async (target) => {
    log(`Compiling ${module} (once; a minute or two on two cores)`);
    const start = performance.now();
    await install(tool, target);
    log(`Compiled in ${duration((performance.now() - start) / 1000)}`);
  });
  return join(directory, name);
}

/** A program of ours whose source is a directory of this project. */
export interface GoProgram extends Omit<GoTool, 'module'> {
  /** From the root of the project; it holds main.go, go.mod and go.sum. */
  directory: string;
}

/** As goTool, for a program of ours. */
export async function goProgram(program: GoProgram, log: (line: string) => void): Promise<string> {
  const { name, directory } = program;
  const source = join(repositoryDirectory, directory);
  const files = ['go.mod', 'go.sum', 'main.go'].map((file) => readFile(join(source, file)));
  const target = await cachedProgram(name, [...(await Promise.all(files)), ...flags], async (target) => {
    log(`Compiling ${directory} (once; half a minute on two cores)`);
    const start = performance.now();
    await compile(program, ['build', '-v', ...flags, '-o', join(target, name), '.'], { cwd: source });
    log(`Compiled in ${duration((performance.now() - start) / 1000)}`);
  });
  return join(target, name);
}

function install(tool: GoTool, directory: string): Promise<void> {
  return compile(tool, ['install', '-v', ...flags, tool.module], { env: { GOBIN: directory } });
}

async function compile(
  { name, packages, purpose }: Pick<GoTool, 'name' | 'packages' | 'purpose'>,
  args: readonly string[],
  { cwd, env }: { cwd?: string; env?: Record<string, string> },
): Promise<void> {
  const child = spawn('go', args, {
    cwd,
    env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  exit.catch(() => undefined);
  const progress = new ProgressReporter(packages);
  const lastLines: string[] = [];
  try {
    for await (const line of createInterface({ input: child.stderr })) {
      // Modules being downloaded are told here too; they are no packages.
      if (!line.startsWith('go: ')) progress.add(1);
      lastLines.push(line);
      if (lastLines.length > 20) lastLines.shift();
    }
    const [code, signal] = await exit.catch(() => {
      throw new Error(
        `${name}, ${purpose}, is compiled from source and needs Go 1.21 or newer ` +
          '(https://go.dev/dl), which fetches the exact version by itself.',
      );
    });
    if (code !== 0) {
      throw new Error(`go ${args.join(' ')} ended (${signal ?? code}):\n${lastLines.join('\n')}`);
    }
  } finally {
    progress.end();
  }
}
