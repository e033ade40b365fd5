import { createHash } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { Consent, CustomerInsightsSource } from '../../../api/rundocument.ts';
import { customerInsightsSource } from '../../../exporter/source/insights/source.ts';
import type { WebApiLimits } from '../../../exporter/source/insights/webapi.ts';
import type { SourceSurroundings } from '../../../exporter/source/open.ts';
import type { Source, SourceEvent } from '../../../exporter/source/source.ts';
import { surroundingsOf } from '../../../exporter/source/testkit.ts';
import { type FakeClock, fakeClock, never } from '../../../exporter/testkit.ts';
import {
  type Dataverse,
  type DataverseOptions,
  defaultClient,
  defaultTenants,
  startDataverse,
} from '../../dataverse/dataverse.ts';
import { mounted } from './storekit.ts';

export const profiles = 'msdynci_customerprofiles';
export const memberships = 'msdynci_segmentmemberships';

/** An environment whose clock is the reader's own: it moves only while the reader waits. */
export interface Environment extends Dataverse {
  clock: FakeClock;
}

export async function environmentFor(options: DataverseOptions = {}): Promise<Environment> {
  const clock = fakeClock();
  const sandbox = await startDataverse({ now: clock.now, ...options });
  onTestFinished(() => sandbox.close());
  return { ...sandbox, clock };
}

/** The id of a customer, as Customer Insights makes them. */
export function idOf(name: string): string {
  return createHash('md5').update(name).digest('hex');
}

export const keys = { clientId: defaultClient.clientId, clientSecret: defaultClient.clientSecret ?? '' };

export interface Asked {
  source?: Partial<CustomerInsightsSource>;
  fields?: string[];
  consent?: Consent;
  segments?: string[];
  /** Keys of the Secret. */
  credentials?: Record<string, string>;
  surroundings?: Partial<SourceSurroundings>;
  limits?: Partial<WebApiLimits>;
}

export function sourceOf(url: string, change: Partial<CustomerInsightsSource> = {}): CustomerInsightsSource {
  return {
    environmentUrl: url,
    tenantId: defaultTenants[0] ?? '',
    authorityHost: url,
    profileTable: 'msdynci_customerprofile',
    profileKeyField: 'msdynci_customerid',
    membershipType: 'Customer',
    modifiedFrom: 'Memberships',
    parallelScans: 4,
    ...change,
  };
}

export async function open(environment: Environment, asked: Asked = {}): Promise<Source> {
  const { source = {}, fields = ['msdynci_email'], consent, segments = ['Gold'], credentials = keys } = asked;
  const { surroundings = {}, limits = {} } = asked;
  const credentialsDirectory = await mounted(credentials);
  return customerInsightsSource({
    source: sourceOf(environment.url, source),
    fields,
    consent,
    segments,
    surroundings: surroundingsOf('/does-not-exist', {
      credentialsDirectory,
      clock: environment.clock,
      ...surroundings,
    }),
    limits: { callTimeoutMs: 10_000, attempts: 5, throttleBudgetMs: 600_000, ...limits },
  });
}

/** What was read, in one line a thing, in no order of the rows: what two readings can be compared by. */
export interface Told {
  /** By segment: `address`, or `address without consent`; a row without an address is empty. */
  rows: string[][];
  found: number[];
  written: Record<string, number>;
  malformed: number;
  /** By segment: reason, and code. */
  faults: Record<number, string>;
}

export async function told(source: Source, signal = never): Promise<Told> {
  const all: Told = { rows: [], found: [], written: {}, malformed: 0, faults: {} };
  for await (const event of source.read(signal)) note(all, event);
  for (const rows of all.rows) rows?.sort();
  return all;
}

function note(all: Told, event: SourceEvent): void {
  if (event.kind === 'found') all.found.push(event.segment);
  else if (event.kind === 'written') all.written[event.segment ?? 'all'] = event.at;
  else if (event.kind === 'malformed') all.malformed += event.count;
  else if (event.kind === 'fault') {
    const { reason, details } = event.fault;
    all.faults[event.segment] = [reason, ...(details?.code === undefined ? [] : [details.code])].join(' ');
  } else {
    for (const { segment, candidates, hasConsent } of event.rows) {
      const address =
        candidates === 'misshapen' ? 'misshapen' : (candidates.find((cell) => cell !== '') ?? '');
      all.rows[segment] ??= [];
      all.rows[segment].push(hasConsent || address === '' ? address : `${address} without consent`);
    }
  }
}

export async function read(environment: Environment, asked: Asked = {}): Promise<Told> {
  return await told(await open(environment, asked));
}

/** Requests of one table, or of all: what was asked for, without values. */
export function asked(environment: Environment, path = ''): string[] {
  return environment
    .requests()
    .filter((request) => request.path.endsWith(path))
    .map(({ filter = 'everything' }) => filter);
}
