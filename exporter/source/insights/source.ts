import type { Consent, CustomerInsightsSource } from '../../../api/rundocument.ts';
import { Fault } from '../../fault.ts';
import { consentRule } from '../consent.ts';
import { type EntraClient, entraTokens } from '../entra.ts';
import { readSourceKeys } from '../keys.ts';
import type { SourceSurroundings } from '../open.ts';
import type { Source, SourceEvent } from '../source.ts';
import { type KnownSegments, readKnownSegments } from './knownsegments.ts';
import { MemberSet } from './memberset.ts';
import {
  type Found,
  type Memberships,
  membershipColumns,
  membershipTable,
  readMemberships,
} from './memberships.ts';
import { describeTable, propertyOf, type Table } from './metadata.ts';
import { isAccepted } from './pages.ts';
import { type ProfilesOptions, profileQuery, readProfiles } from './profiles.ts';
import { WebApi, type WebApiLimits } from './webapi.ts';

export interface CustomerInsightsOptions {
  source: CustomerInsightsSource;
  /** match.email: the field and its fallbacks, by logical names of columns. */
  fields: readonly string[];
  consent?: Consent | undefined;
  /** Output table names of the segments. */
  segments: readonly string[];
  surroundings: SourceSurroundings;
  limits?: WebApiLimits;
}

/**
 * Segments of Dynamics 365 Customer Insights, through the Web API of Dataverse: the memberships first, kept as ids,
 * then the profiles, joined to them as they come.
 */
export function customerInsightsSource(options: CustomerInsightsOptions): Source {
  return {
    read: async function* (outer) {
      const closing = new AbortController();
      try {
        yield* readAll(options, AbortSignal.any([outer, closing.signal]));
      } finally {
        // Scans that are still under way when one fails, or when nobody reads on.
        closing.abort();
      }
    },
  };
}

async function* readAll(
  options: CustomerInsightsOptions,
  signal: AbortSignal,
): AsyncGenerator<SourceEvent, void> {
  const { source, segments, surroundings, limits } = options;
  const client = await clientOf(source, surroundings);
  const api = new WebApi(source.environmentUrl, entraTokens(client, surroundings), surroundings, limits);
  const { membershipType, parallelScans } = source;
  const { log } = surroundings;

  const table = await describeMemberships(api, signal);
  const profiles = await describeProfiles(options, api, signal);
  // Known before an hour is spent on memberships: whether profiles may be read.
  await isAccepted(api, profileQuery(profiles), signal);

  const members = new MemberSet(segments.length);
  const scan = { api, table, segments, membershipType, parallelScans, log };
  const { found, malformed } = await readMemberships(scan, members, signal);
  log.info('read who is in the segments', { members: members.size });
  if (malformed > 0) yield { kind: 'malformed', count: malformed };
  yield* announce(options, api, found, signal);

  if (members.size === 0) return;
  for await (const rows of readProfiles(profiles, members, signal)) yield { kind: 'rows', rows };
}

/** @throws Fault SourceSecretMissing. */
async function clientOf(
  { authorityHost, tenantId, environmentUrl, workloadIdentity }: CustomerInsightsSource,
  { credentialsDirectory }: SourceSurroundings,
): Promise<EntraClient> {
  const shared = { authorityHost, tenantId, scope: `${environmentUrl.replace(/\/+$/, '')}/.default` };
  if (workloadIdentity) return { ...shared, clientId: workloadIdentity.clientId, proof: 'IdentityToken' };
  const { clientId, clientSecret } = await readSourceKeys(credentialsDirectory, ['clientId', 'clientSecret']);
  return { ...shared, clientId, proof: { clientSecret } };
}

async function describeMemberships(api: WebApi, signal: AbortSignal): Promise<Table> {
  const table = await describeTable(api, membershipTable, 'membership-table', signal);
  if (!membershipColumns.every((column) => table.columns.has(column))) {
    throw new Fault('SourceNotFound', { code: 'membership-columns' });
  }
  return table;
}

/** @throws Fault FieldNotFound, ConsentFieldNotFound, FieldNotText; and those of `describeTable`. */
async function describeProfiles(
  { source, fields, consent, segments, surroundings }: CustomerInsightsOptions,
  api: WebApi,
  signal: AbortSignal,
): Promise<ProfilesOptions> {
  const table = await describeTable(api, source.profileTable, 'profile-table', signal);
  return {
    api,
    table,
    key: propertyOf(table, source.profileKeyField, 'Id', 'FieldNotFound', { column: 'ProfileKey' }),
    fields: fields.map((field, fieldIndex) =>
      propertyOf(table, field, 'Address', 'FieldNotFound', { fieldIndex }),
    ),
    consentField:
      consent && propertyOf(table, consent.field, 'Value', 'ConsentFieldNotFound', { column: 'Consent' }),
    gives: consent && consentRule(consent),
    segments: segments.length,
    parallelScans: source.parallelScans,
    log: surroundings.log,
  };
}

/** Tells of each segment whether it is there, and when it was written. */
async function* announce(
  { source, segments, surroundings }: CustomerInsightsOptions,
  api: WebApi,
  found: Memberships['found'],
  signal: AbortSignal,
): AsyncGenerator<SourceEvent, void> {
  const isAsked = source.modifiedFrom === 'SegmentMetadata';
  const mayBeEmpty = ({ hasMembers, nearly }: Found): boolean => !hasMembers && nearly !== 'membership-type';
  const isNeeded = isAsked || found.some(mayBeEmpty);
  const known = isNeeded ? await knownSegments(api, isAsked, surroundings, signal) : undefined;
  for (const [segment, name] of segments.entries()) {
    const line = found[segment] as Found;
    const { hasMembers, nearly, writtenAt } = line;
    if (!hasMembers && !(mayBeEmpty(line) && known?.has(name))) {
      const details = nearly === undefined ? undefined : { code: nearly };
      yield { kind: 'fault', segment, fault: new Fault('SegmentNotFound', details) };
      continue;
    }
    yield { kind: 'found', segment };
    const at = isAsked ? known?.get(name) : writtenAt;
    if (at !== undefined) yield { kind: 'written', segment, at };
  }
}

/** Undefined where the list cannot be read: only where it was asked for is that a reason to stop. */
async function knownSegments(
  api: WebApi,
  isAsked: boolean,
  { log }: SourceSurroundings,
  signal: AbortSignal,
): Promise<KnownSegments | undefined> {
  try {
    return await readKnownSegments(api, signal);
  } catch (error) {
    const isClosed = error instanceof Fault && ['SourceForbidden', 'SourceNotFound'].includes(error.reason);
    if (isAsked || !isClosed) throw error;
    log.warn('the list of segments cannot be read, so one without members counts as missing');
    return undefined;
  }
}
