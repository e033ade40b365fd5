import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

export interface RunOptions {
  /** What the program reads from its standard input; nothing by default. */
  readonly input?: string | Uint8Array;
  /** A file that it reads instead. */
  readonly inputFile?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Runs a program to its end and returns its standard output.
 * Throws an Error that holds the command and what it wrote to standard error when it exits other than 0.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  await using file = options.inputFile === undefined ? undefined : await open(options.inputFile);
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: [file?.fd ?? 'pipe', 'pipe', 'pipe'],
  });
  // A program may end without reading its input; its exit code tells the story, not this EPIPE.
  child.stdin?.on('error', () => undefined).end(options.input ?? '');
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error(`${command} was started without its output`);
  const [out, err, [code, signal]] = await Promise.all([
    text(stdout),
    text(stderr),
    once(child, 'close') as Promise<[number | null, string | null]>,
  ]);
  if (code !== 0) {
    const how = signal ? `was ended by ${signal}` : `exited with ${code}`;
    throw new Error(`${command} ${args.join(' ')} ${how}: ${(err || out).trim().slice(-4000)}`);
  }
  return out;
}

/** Whether a program runs and exits with 0. Never throws. */
export async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  return run(command, args).then(
    () => true,
    () => false,
  );
}
