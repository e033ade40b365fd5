import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import { annotations } from '../../api/names.ts';
import type { ExportRun, ObjectName, RunDocument, S3Place } from '../../api/rundocument.ts';
import { defined } from './fields.ts';
import type { Job } from './kubernetes.ts';
import type { MessageContext } from './messages/index.ts';
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
    ...(run.kind === 'Export' ? sourceContext(run, mounted) : {}),
  };
}

export function bucketWords({ endpoint, bucket, prefix }: S3Place): string {
  return `the bucket "${bucket}"${endpoint === undefined ? '' : ` at ${endpoint}`}, below "${prefix}",`;
}

/** By it a person approves a run that was stopped. */
export function approveCommand({ namespace, name }: Pick<ObjectName, 'namespace' | 'name'>, runName: string) {
  return `kubectl annotate criteosegmentexport ${name} --namespace ${namespace} --overwrite ${annotations.approvedRun}=${runName}`;
}

function sourceContext(run: ExportRun, mounted: MountedNames): Partial<MessageContext> {
  return {
    advertiserId: run.advertiserId,
    source: {
      run: run.source,
      ...defined({
        claimName: mounted.source,
        secretName: mounted.sourceSecret,
        caSecretName: mounted.sourceCa,
        serviceAccountName: mounted.serviceAccount,
      }),
    },
    ...(run.consent ? { consentField: run.consent.field } : {}),
    emailFields: [run.match.email.field, ...run.match.email.fallbackFields],
    maxProfiles: run.maxProfiles,
    maxFaultPercent: run.rowFaultGuard.maxPercent,
    ...defined({ maxSourceAgeSeconds: run.maxSourceAgeSeconds }),
  };
}

interface MountedNames {
  credentials: string | undefined;
  source: string | undefined;
  sourceSecret: string | undefined;
  sourceCa: string | undefined;
  serviceAccount: string | undefined;
  ledgerClaim: string | undefined;
  ledgerSecret: string | undefined;
}

interface Volume {
  name: string;
  secret?: { secretName?: string };
  persistentVolumeClaim?: { claimName?: string };
}

/** Names that the run document does not hold, because a pod has no use for them. */
function mountedNames(job: Job | undefined): MountedNames {
  const pod = job?.spec.template.spec as { volumes?: Volume[]; serviceAccountName?: string } | undefined;
  const named = (name: string) => pod?.volumes?.find((volume) => volume.name === name);
  return {
    credentials: named(volumeNames.credentials)?.secret?.secretName,
    source: named(volumeNames.source)?.persistentVolumeClaim?.claimName,
    sourceSecret: named(volumeNames.sourceCredentials)?.secret?.secretName,
    sourceCa: named(volumeNames.sourceCa)?.secret?.secretName,
    serviceAccount: pod?.serviceAccountName,
    ledgerClaim: named(volumeNames.ledger)?.persistentVolumeClaim?.claimName,
    ledgerSecret: named(volumeNames.ledgerCredentials)?.secret?.secretName,
  };
}
