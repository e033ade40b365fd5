import { readFileSync } from 'node:fs';

/**
 * Tells a process apart from a later one that got the same number: process ids are
 * reused, and a cleaner that trusts a number alone ends somebody else's program.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** The start in clock ticks since boot, as /proc tells it. */
  readonly startTicks: string;
  readonly bootId: string;
}

interface Stat {
  readonly pid: number;
  readonly state: string;
  readonly startTicks: string;
}

/** Parses a line of /proc/PID/stat. The program's name, in brackets, may hold spaces and brackets itself. */
export function parseStat(line: string): Stat | undefined {
  const open = line.indexOf(' (');
  const close = line.lastIndexOf(') ');
  const pid = Number(line.slice(0, open));
  const fields = line.slice(close + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  if (open < 1 || close < open || !Number.isSafeInteger(pid) || !state || !startTicks) return undefined;
  return { pid, state, startTicks };
}

/** Parses a process record: a line with the boot id, then the process's line of /proc/PID/stat. */
export function parseRecord(record: string): ProcessIdentity | undefined {
  const [bootId, line] = record.split('\n');
  const stat = line === undefined ? undefined : parseStat(line);
  if (!bootId || !stat) return undefined;
  return { pid: stat.pid, startTicks: stat.startTicks, bootId };
}

/** The record of a running process as parseRecord reads it, or undefined where there is none. */
export function recordOf(pid: number): string | undefined {
  const line = read(`/proc/${pid}/stat`);
  return line === undefined ? undefined : `${currentBootId()}\n${line}`;
}

/** Whether exactly this process still runs. One that has ended and waits for its parent does not. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.bootId !== currentBootId()) return false;
  const stat = parseStat(read(`/proc/${identity.pid}/stat`) ?? '');
  return stat !== undefined && stat.startTicks === identity.startTicks && stat.state !== 'Z';
}

export function readRecord(path: string): ProcessIdentity | undefined {
  return parseRecord(read(path) ?? '');
}

function currentBootId(): string {
  return (read('/proc/sys/kernel/random/boot_id') ?? '').trim();
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
