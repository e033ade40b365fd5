import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { conditionTypes } from '../../api/reasons.ts';
import { checking, childRefused, type ExportReadiness, findCondition } from './conditions.ts';
import { advertiserOf, policyOf } from './exportdocument.ts';
import { jobFieldFault } from './jobfields.ts';
import { messageFor } from './messages/index.ts';
import { scheduleFault } from './nextruntime.ts';
import { runAfterFault } from './runafterfault.ts';
import type { Settings } from './settings.ts';
import { endpointFault } from './sourceendpoints.ts';

/** What a definition's checks look at. */
export interface DefinitionInput {
  export: CriteoSegmentExport;
  connection: CriteoConnection | undefined;
  /** Whether the claim of source.file exists; undefined where there is no such source. */
  claimExists: boolean | undefined;
  /** That claim holds the ledger of a connection. */
  claimIsLedger?: boolean;
  /** Whether the service account of spec.job exists; undefined where none is named. */
  serviceAccountExists?: boolean | undefined;
  /** A child that Kubernetes refused last time, where it did. */
  refusal?: Refusal | undefined;
}

export interface Refusal {
  /** Kubernetes' word. */
  message: string;
  /** Nothing can be created in the namespace any more. */
  namespaceTerminating: boolean;
}

type Check = (input: DefinitionInput, settings: Settings) => ExportReadiness | undefined;

/** Without these there is nothing that could run. The first that fails is told. */
const definitionChecks: Check[] = [
  checkEndpoint,
  checkJobFields,
  checkSchedule,
  checkRunAfter,
  checkConnectionExists,
  checkConsentGiven,
  checkAdvertiserGiven,
  checkLedgerGiven,
  checkClaimIsNoLedger,
];

/** With these a definition is complete, and yet the export is not usable. The first that holds is told. */
const hindrances: Check[] = [
  checkConnectionUsed,
  checkSuspended,
  checkChildrenAccepted,
  checkConnectionReady,
  checkAdvertiserAllowed,
  checkClaim,
  checkServiceAccount,
];

/**
 * Those by which no run may start. What Kubernetes refused is none: it must be tried at each look, or
 * the plan that leaves it out would seem to show that it is taken by now.
 */
const blockers = hindrances.filter((check) => check !== checkChildrenAccepted);

export function definitionFault(input: DefinitionInput, settings: Settings): ExportReadiness | undefined {
  return first(definitionChecks, input, settings);
}

/** What is told of a complete definition. */
export function hindrance(input: DefinitionInput, settings: Settings): ExportReadiness | undefined {
  return first(hindrances, input, settings);
}

/** Why no run of a complete definition may start. */
export function blocker(input: DefinitionInput, settings: Settings): ExportReadiness | undefined {
  return first(blockers, input, settings);
}

function first(
  checks: readonly Check[],
  input: DefinitionInput,
  settings: Settings,
): ExportReadiness | undefined {
  for (const check of checks) {
    const fault = check(input, settings);
    if (fault) return fault;
  }
  return undefined;
}

function checkRunAfter(input: DefinitionInput): ExportReadiness | undefined {
  return runAfterFault(input.export, input.connection?.metadata.uid);
}

function checkEndpoint(
  { export: { spec } }: DefinitionInput,
  settings: Settings,
): ExportReadiness | undefined {
  return endpointFault(spec.source, settings);
}

function checkJobFields(
  { export: { spec } }: DefinitionInput,
  settings: Settings,
): ExportReadiness | undefined {
  return jobFieldFault(spec.job, settings);
}

function checkSchedule(input: DefinitionInput): ExportReadiness | undefined {
  return scheduleFault(input.export);
}

function checkConnectionExists(input: DefinitionInput): ExportReadiness | undefined {
  if (input.connection && input.connection.metadata.deletionTimestamp === undefined) return undefined;
  return {
    status: 'False',
    reason: 'ConnectionNotFound',
    message: `spec.connectionRef: no CriteoConnection "${input.export.spec.connectionRef.name}" is in this namespace; create it or name another.`,
    // A pipeline may apply the connection a moment later.
    progress: 'Reconciling',
  };
}

/** Whoever answers for the account decides that nobody is sent without a filter. */
function checkConsentGiven({ export: { spec }, connection }: DefinitionInput): ExportReadiness | undefined {
  if (connection?.spec.requireConsent !== true || spec.consent) return undefined;
  return {
    status: 'False',
    reason: 'ConsentRequired',
    message: `spec.consent: the connection "${connection.metadata.name}" asks for it (spec.requireConsent: true), and the export has none; name the column that tells of consent, such as consent: {field: doNotEmail, equals: "false"}.`,
    progress: 'Stalled',
  };
}

function checkAdvertiserGiven(input: DefinitionInput): ExportReadiness | undefined {
  if (advertiserOf(input) !== undefined) return undefined;
  return {
    status: 'False',
    reason: 'AdvertiserMissing',
    message: `spec.advertiserId: neither the export nor its connection "${input.export.spec.connectionRef.name}" names an advertiser; set one of the two.`,
    progress: 'Stalled',
  };
}

/** What removes at Criteo needs to know what it added there. */
function checkLedgerGiven(input: DefinitionInput): ExportReadiness | undefined {
  const { spec } = input.export;
  if (!input.connection || input.connection.spec.ledger) return undefined;
  const wishes: [string, string][] = [];
  if (spec.mode === 'Mirror') wishes.push(['spec.mode: Mirror', 'spec.mode: AddOnly']);
  if (policyOf(spec) !== 'Retain') {
    wishes.push([`spec.deletionPolicy: ${policyOf(spec)}`, 'spec.deletionPolicy: Retain']);
  }
  const index = spec.segments.findIndex(({ existing }) => existing === 'TakeOver');
  if (index >= 0) wishes.push([`spec.segments[${index}].existing: TakeOver`, 'existing: Keep']);
  if (wishes.length === 0) return undefined;
  const { name } = input.connection.metadata;
  const [fields, instead] = [0, 1].map((side) => wishes.map((wish) => wish[side]).join(' and '));
  return {
    status: 'False',
    reason: 'LedgerRequired',
    message: `${fields}: it needs a ledger, and the connection "${name}" has none; give it spec.ledger, such as {volume: {size: 1Gi}}, or write ${instead}.`,
    progress: 'Stalled',
  };
}

/** A connection that is suspended, or whose consent was taken back, is meant to rest: that is no fault. */
export function checkConnectionUsed({
  connection,
}: Pick<DefinitionInput, 'connection'>): ExportReadiness | undefined {
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

export function checkConnectionReady({
  connection,
}: Pick<DefinitionInput, 'connection'>): ExportReadiness | undefined {
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
function checkAdvertiserAllowed(input: DefinitionInput): ExportReadiness | undefined {
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

function checkChildrenAccepted({ refusal }: DefinitionInput): ExportReadiness | undefined {
  return refusal && childRefused(refusal.message);
}

function checkClaim({ export: { spec }, claimExists }: DefinitionInput): ExportReadiness | undefined {
  if (claimExists !== false) return undefined;
  return {
    status: 'False',
    reason: 'ClaimNotFound',
    message: `spec.source.file.persistentVolumeClaim: no claim "${spec.source.file?.persistentVolumeClaim.claimName}" is in this namespace; create it or name another.`,
    progress: 'Reconciling',
  };
}

/** What exports remember is hashes of the addresses of all of them: nobody's list. */
function checkClaimIsNoLedger({
  export: { spec },
  claimIsLedger,
}: DefinitionInput): ExportReadiness | undefined {
  if (!claimIsLedger) return undefined;
  return {
    status: 'False',
    reason: 'ClaimIsLedger',
    message: `spec.source.file.persistentVolumeClaim: the claim "${spec.source.file?.persistentVolumeClaim.claimName}" holds the ledger of a connection, and is no source; name the claim that holds your list.`,
    progress: 'Stalled',
  };
}

/** Of a Job whose service account is missing no pod is ever made, and only events tell. */
function checkServiceAccount({
  export: { spec },
  serviceAccountExists,
}: DefinitionInput): ExportReadiness | undefined {
  if (serviceAccountExists !== false) return undefined;
  return {
    status: 'False',
    reason: 'ServiceAccountNotFound',
    message: `spec.job.serviceAccountName: no service account "${spec.job?.serviceAccountName}" is in this namespace; create it or name another.`,
    progress: 'Reconciling',
  };
}

function checkSuspended({ export: { spec } }: DefinitionInput): ExportReadiness | undefined {
  if (spec.suspend !== true) return undefined;
  return { status: 'True', reason: 'Suspended', message: 'spec.suspend is true; no new run starts.' };
}
