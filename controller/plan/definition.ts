import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { conditionTypes } from '../../api/reasons.ts';
import type { ExportRun } from '../../api/rundocument.ts';
import { checking, childRefused, findCondition, type Readiness } from './conditions.ts';
import { messageFor } from './messages.ts';
import { unsupportedExportFields, unsupportedMessage } from './unsupported.ts';

/** What a definition's checks look at. */
export interface DefinitionInput {
  export: CriteoSegmentExport;
  connection: CriteoConnection | undefined;
  /** Whether the claim of source.file exists; undefined where there is no such source. */
  claimExists: boolean | undefined;
  /** Kubernetes' word on a child that it refused last time, where it did. */
  refusal?: string | undefined;
}

type Check = (input: DefinitionInput) => Readiness | undefined;

/** Without these there is nothing that could run. The first that fails is told. */
const definitionChecks: Check[] = [checkSupported, checkConnectionExists, checkAdvertiserGiven];

/** With these a definition is complete, but no run may start. The first that holds is told. */
const blockers: Check[] = [
  checkConnectionUsed,
  checkSuspended,
  checkChildrenAccepted,
  checkConnectionReady,
  checkAdvertiserAllowed,
  checkClaim,
];

export function definitionFault(input: DefinitionInput): Readiness | undefined {
  return first(definitionChecks, input);
}

export function blocker(input: DefinitionInput): Readiness | undefined {
  return first(blockers, input);
}

function first(checks: readonly Check[], input: DefinitionInput): Readiness | undefined {
  for (const check of checks) {
    const fault = check(input);
    if (fault) return fault;
  }
  return undefined;
}

function checkSupported({ export: { spec, metadata } }: DefinitionInput): Readiness | undefined {
  const fields = unsupportedExportFields(spec, metadata);
  if (fields.length === 0) return undefined;
  return {
    status: 'False',
    reason: 'NotYetSupported',
    message: unsupportedMessage(fields),
    progress: 'Stalled',
  };
}

function checkConnectionExists(input: DefinitionInput): Readiness | undefined {
  if (input.connection && input.connection.metadata.deletionTimestamp === undefined) return undefined;
  return {
    status: 'False',
    reason: 'ConnectionNotFound',
    message: `spec.connectionRef: no CriteoConnection "${input.export.spec.connectionRef.name}" is in this namespace; create it or name another.`,
    // A pipeline may apply the connection a moment later.
    progress: 'Reconciling',
  };
}

function checkAdvertiserGiven(input: DefinitionInput): Readiness | undefined {
  if (advertiserOf(input) !== undefined) return undefined;
  return {
    status: 'False',
    reason: 'AdvertiserMissing',
    message: `spec.advertiserId: neither the export nor its connection "${input.export.spec.connectionRef.name}" names an advertiser; set one of the two.`,
    progress: 'Stalled',
  };
}

/** A connection that is suspended, or whose consent was taken back, is meant to rest: that is no fault. */
function checkConnectionUsed({ connection }: DefinitionInput): Readiness | undefined {
  const name = connection?.metadata.name;
  if (connection?.spec.dataPrivacy.agreed === false) {
    return {
      status: 'True',
      reason: 'ConsentWithdrawn',
      message: `The agreement to the transfer was taken back on the connection "${name}" (spec.dataPrivacy.agreed: false); nothing runs.`,
    };
  }
  if (connection?.spec.suspend === true) {
    return {
      status: 'True',
      reason: 'ConnectionSuspended',
      message: `The connection "${name}" is suspended; nothing runs.`,
    };
  }
  return undefined;
}

function checkConnectionReady({ connection }: DefinitionInput): Readiness | undefined {
  const name = connection?.metadata.name;
  const ready = findCondition(connection?.status?.conditions, conditionTypes.ready);
  const current = connection?.status?.observedGeneration === connection?.metadata.generation;
  if (current && ready?.status === 'True') return undefined;
  if (!current || ready === undefined || ready.reason === checking) {
    return {
      status: 'False',
      reason: 'AwaitingConnection',
      message: `The connection "${name}" has not been checked yet.${current && ready ? ` ${ready.message}` : ''}`,
      progress: 'Reconciling',
    };
  }
  const stalled = findCondition(connection?.status?.conditions, conditionTypes.stalled);
  return {
    status: 'False',
    reason: 'ConnectionNotReady',
    message: `The connection "${name}" is not ready (${ready.reason}): ${ready.message}`,
    progress: stalled ? 'Stalled' : 'Reconciling',
  };
}

/** The connection's check lists the advertisers, so that a wrong one is told before any run. */
function checkAdvertiserAllowed(input: DefinitionInput): Readiness | undefined {
  const known = input.connection?.status?.advertisers;
  const advertiserId = advertiserOf(input);
  if (known === undefined || advertiserId === undefined) return undefined;
  const ids = known.ids ?? [];
  const complete = ids.length === known.total;
  if (!complete || ids.includes(advertiserId)) return undefined;
  return {
    status: 'False',
    reason: 'AdvertiserNotAllowed',
    message: messageFor('AdvertiserNotAllowed', undefined, { secretName: '', apiVersion: '', advertiserId }),
    progress: 'Stalled',
  };
}

function checkChildrenAccepted({ refusal }: DefinitionInput): Readiness | undefined {
  return refusal === undefined ? undefined : childRefused(refusal);
}

function checkClaim({ export: { spec }, claimExists }: DefinitionInput): Readiness | undefined {
  if (claimExists !== false) return undefined;
  return {
    status: 'False',
    reason: 'ClaimNotFound',
    message: `spec.source.file.persistentVolumeClaim: no claim "${spec.source.file?.persistentVolumeClaim.claimName}" is in this namespace; create it or name another.`,
    progress: 'Reconciling',
  };
}

function checkSuspended({ export: { spec } }: DefinitionInput): Readiness | undefined {
  if (spec.suspend !== true) return undefined;
  return { status: 'True', reason: 'Suspended', message: 'spec.suspend is true; no new run starts.' };
}

export function advertiserOf(input: DefinitionInput): string | undefined {
  return input.export.spec.advertiserId ?? input.connection?.spec.advertiserId;
}

/** The lower of the export's and the connection's holds. */
export function maxProfilesOf(input: DefinitionInput): number {
  const { export: resource, connection } = input;
  return Math.min(
    resource.spec.maxProfiles ?? Number.POSITIVE_INFINITY,
    connection?.spec.maxProfiles ?? 1_000_000,
  );
}

/** The run document of a definition that `definitionFault` found no fault with. */
export function runDocumentOf(input: DefinitionInput): ExportRun | undefined {
  const { export: resource, connection } = input;
  const { spec, metadata } = resource;
  const advertiserId = advertiserOf(input);
  const { file } = spec.source;
  if (!connection || advertiserId === undefined || !file) return undefined;
  return {
    formatVersion: 1,
    kind: 'Export',
    connection: nameOf(connection.metadata),
    api: { baseUrl: connection.spec.api.baseUrl, version: connection.spec.api.version },
    export: nameOf(metadata),
    generation: metadata.generation ?? 1,
    ...(spec.name === undefined ? {} : { name: spec.name }),
    advertiserId,
    maxProfiles: maxProfilesOf(input),
    mode: 'AddOnly',
    match: {
      email: { field: spec.match.email.field, fallbackFields: [...(spec.match.email.fallbackFields ?? [])] },
    },
    source: {
      file: {
        path: file.path,
        format: 'CSV',
        csv: { delimiter: file.csv?.delimiter ?? 'Comma' },
        ...(file.segmentField === undefined ? {} : { segmentField: file.segmentField }),
      },
    },
    segments: spec.segments.map((segment) => ({
      name: segment.name,
      criteoName: segment.criteoName ?? segment.name,
      existing: segment.existing === 'Keep' ? 'Keep' : 'Refuse',
    })),
  };
}

function nameOf(metadata: { namespace?: string; name?: string; uid?: string }) {
  return { namespace: metadata.namespace ?? '', name: metadata.name ?? '', uid: metadata.uid ?? '' };
}
