import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import { annotations } from '../../api/names.ts';
import type { ExportRun, ObjectName, RunDocument, S3Place } from '../../api/rundocument.ts';
import type { Job } from './kubernetes.ts';
import type { MessageContext } from './messages.ts';
import { volumeNames } from './podtemplate.ts';

/** What the messages about a run speak of: what its Job itself was told and had mounted. */
export function runContext(
  run: RunDocument | undefined,
  job: Job | undefined,
  connection: CriteoConnection | undefined,
): MessageContext {
  const mounted = mountedNames(job);
  const context: MessageContext = {
    secretName: mounted.credentials ?? connection?.spec.credentialsSecretRef.name ?? '',
    apiVersion: run?.api.version ?? connection?.spec.api.version ?? '',
    ...(mounted.ledgerSecret === undefined ? {} : { ledgerSecret: mounted.ledgerSecret }),
  };
  const s3 = run?.ledger?.s3;
  if (s3) context.ledgerPlace = bucketWords(s3);
  else if (mounted.ledgerClaim !== undefined) {
    context.ledgerPlace = `the volume claim "${mounted.ledgerClaim}"`;
  }
  if (run === undefined || run.kind === 'Check') return context;
  const { removalGuard, export: owner } = run;
  return {
    ...context,
    exportName: `${owner.namespace}/${owner.name}`,
    hasLedger: run.ledger !== undefined,
    approve: approveCommand(owner, job?.metadata.name ?? ''),
    ...(removalGuard ? { maxPercent: removalGuard.maxPercent } : {}),
    ...(run.kind === 'Export' ? sourceContext(run, mounted.source) : {}),
  };
}

export function bucketWords({ endpoint, bucket, prefix }: S3Place): string {
  return `the bucket "${bucket}"${endpoint === undefined ? '' : ` at ${endpoint}`}, below "${prefix}",`;
}

/** By it a person approves a run that was stopped. */
export function approveCommand({ namespace, name }: Pick<ObjectName, 'namespace' | 'name'>, runName: string) {
  return `kubectl annotate criteosegmentexport ${name} --namespace ${namespace} --overwrite ${annotations.approvedRun}=${runName}`;
}

function sourceContext(run: ExportRun, claimName: string | undefined): Partial<MessageContext> {
  const { file } = run.source;
  return {
    advertiserId: run.advertiserId,
    ...(claimName === undefined ? {} : { claimName }),
    path: file.path,
    ...(file.segmentField === undefined ? {} : { segmentField: file.segmentField }),
    ...(run.consent ? { consentField: run.consent.field } : {}),
    emailFields: [run.match.email.field, ...run.match.email.fallbackFields],
    maxProfiles: run.maxProfiles,
  };
}

interface MountedNames {
  credentials: string | undefined;
  source: string | undefined;
  ledgerClaim: string | undefined;
  ledgerSecret: string | undefined;
}

/** Names that the run document does not hold, because a pod has no use for them. */
function mountedNames(job: Job | undefined): MountedNames {
  const volumes = (job?.spec.template.spec.volumes ?? []) as {
    name: string;
    secret?: { secretName?: string };
    persistentVolumeClaim?: { claimName?: string };
  }[];
  const named = (name: string) => volumes.find((volume) => volume.name === name);
  return {
    credentials: named(volumeNames.credentials)?.secret?.secretName,
    source: named(volumeNames.source)?.persistentVolumeClaim?.claimName,
    ledgerClaim: named(volumeNames.ledger)?.persistentVolumeClaim?.claimName,
    ledgerSecret: named(volumeNames.ledgerCredentials)?.secret?.secretName,
  };
}
