import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../../exporter/clock.ts';
import type { FileStore, StoredFile } from '../../../exporter/source/files/store.ts';
import type { Source } from '../../../exporter/source/source.ts';
import { never } from '../../../exporter/testkit.ts';
import { listening } from '../../support/testserver.ts';

/** A mounted Secret, as `echo` makes them: each value with a line break behind it. */
export async function mounted(keys: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'segmentexport-keys-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  for (const [key, value] of Object.entries(keys)) await writeFile(join(directory, key), `${value}\n`);
  return directory;
}

/** The time as it is; waits between attempts are none. */
export const hastyClock: Clock = { ...systemClock, sleep: async (_, signal) => signal.throwIfAborted() };

export interface WebServer {
  endpoint: string;
  requests: number;
}

/** A server of the test, and how many requests it got. */
export async function serve(listener: RequestListener): Promise<WebServer> {
  const server = createServer((request, response) => {
    running.requests++;
    listener(request, response);
  });
  const running: WebServer = { endpoint: await listening(server), requests: 0 };
  return running;
}

/** A fault's reason and details, and nothing else: what a store says stays with the store. */
export async function faultOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return 'no fault';
  } catch (error) {
    const { reason, details, message } = error as { reason?: string; details?: object; message: string };
    expect(message).toBe(reason);
    return [reason, details ?? {}];
  }
}

export async function fileAt(store: FileStore, path: string): Promise<StoredFile> {
  const found = await store.find(path, never);
  if (found === undefined || found === 'Directory') throw new Error(`no file: ${found}`);
  return found;
}

export async function contentOf(file: StoredFile): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of file.read(never)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

/** Names in a directory, a slash behind those of directories. */
export async function namesIn(store: FileStore, path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of store.list(path, never)) {
    names.push(entry.kind === 'Directory' ? `${entry.name}/` : entry.name);
  }
  return names.sort();
}

/** What a source gave: how many rows of each segment, those of them with consent, and what it told. */
export interface Reading {
  addresses: Record<number, string[]>;
  misshapen: Record<number, number>;
  withoutConsent: number;
  found: number[];
  written: Record<string, number>;
  /** By segment. */
  faults: Record<number, unknown>;
}

export async function readingOf(source: Source): Promise<Reading> {
  const reading: Reading = {
    addresses: {},
    misshapen: {},
    withoutConsent: 0,
    found: [],
    written: {},
    faults: {},
  };
  for await (const event of source.read(never)) {
    if (event.kind === 'found') reading.found.push(event.segment);
    if (event.kind === 'written') reading.written[event.segment ?? 'all'] = event.at;
    if (event.kind === 'fault') reading.faults[event.segment] = await faultOf(Promise.reject(event.fault));
    for (const { segment, candidates, hasConsent } of event.kind === 'rows' ? event.rows : []) {
      if (candidates === 'misshapen') {
        reading.misshapen[segment] = (reading.misshapen[segment] ?? 0) + 1;
        continue;
      }
      reading.addresses[segment] ??= [];
      reading.addresses[segment].push(candidates.find((candidate) => candidate !== '') ?? '');
      if (!hasConsent) reading.withoutConsent++;
    }
  }
  return reading;
}
