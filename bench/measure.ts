import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a program used from its start to its end. */
export interface Figures {
  /** By the clock, without the time for which it could have run, and other programs had the cores. */
  wallMs: number;
  /** User and system time of all its threads. */
  cpuMs: number;
  /** The most memory that it had at once. */
  rssMiB: number;
}

/** What meter.mjs writes. */
interface Metered {
  cpuMs: number;
  rssMiB: number;
  waitedMs: number;
}

export interface Measured {
  figures: Figures;
  output: string;
}

/** As the Dockerfile has it. */
export const imageEnvironment = {
  NODE_ENV: 'production',
  NODE_OPTIONS: '--enable-source-maps --max-semi-space-size=16',
};

/**
 * Runs a Node program to its end. It gets nothing of this process's environment.
 * @throws Error with the end of what it wrote, where it fails.
 */
export async function measure(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  directory: string,
): Promise<Measured> {
  const meterFile = join(directory, 'meter.json');
  const meter = join(import.meta.dirname, 'meter.mjs');
  const start = performance.now();
  const child = spawn(process.execPath, ['--import', meter, program, ...args], {
    env: { PATH: process.env.PATH ?? '', BENCH_METER: meterFile, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  let wallMs = 0;
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', () => {
      wallMs = performance.now() - start;
    });
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${output.slice(-2000)}`);
  const { cpuMs, rssMiB, waitedMs } = JSON.parse(await readFile(meterFile, 'utf8')) as Metered;
  return { figures: { wallMs: wallMs - waitedMs, cpuMs, rssMiB }, output };
}

/** The median of each figure. */
export function medians(all: readonly Figures[]): Figures {
  const median = (name: keyof Figures): number => {
    const sorted = all.map((figures) => figures[name]).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  };
  return { wallMs: median('wallMs'), cpuMs: median('cpuMs'), rssMiB: median('rssMiB') };
}

/**
 * How many times `floor` something took: by the clock or by the processor's time,
 * whichever is worse. By the clock alone, waiting for the other side would hide work;
 * by the processor alone, work would hide waiting.
 */
export function ratioOf(figures: Figures, floor: Figures): number {
  return Math.max(figures.wallMs / floor.wallMs, figures.cpuMs / floor.cpuMs);
}

export function format({ wallMs, cpuMs, rssMiB }: Figures): string {
  const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`;
  return `${seconds(wallMs)}, ${seconds(cpuMs)} of a core, ${rssMiB.toFixed(0)} MiB`;
}
