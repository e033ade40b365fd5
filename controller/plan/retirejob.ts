import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { shortHash } from '../../api/hash.ts';
import { annotations, labels } from '../../api/names.ts';
import type { RetireRun } from '../../api/rundocument.ts';
import type { Approved } from './ask.ts';
import { childName } from './childnames.ts';
import { childLabels, exportBackoffLimit } from './cronjob.ts';
import { nameOf, policyOf, removalGuardOf } from './exportdocument.ts';
import { allowedJobFields } from './jobfields.ts';
import { jobSpec } from './jobspec.ts';
import type { Job, OwnerReference } from './kubernetes.ts';
import { ledgerMount, runLedger } from './ledger.ts';
import { namespaceOf, ownedBy } from './owner.ts';
import { podTemplate } from './podtemplate.ts';
import { approvalAnnotations } from './runjob.ts';
import type { Settings } from './settings.ts';

export interface RetireOptions {
  /** Counts from 1, so that each attempt is a Job of its own. */
  attempt: number;
  approved?: Approved | undefined;
  activeDeadlineSeconds: number;
}

/**
 * The Job that carries deletionPolicy out for all that the export filled by a
 * connection. Born held, as every Job of an export; undefined where the connection
 * has no ledger.
 */
export function retireJob(
  resource: CriteoSegmentExport,
  connection: CriteoConnection,
  { attempt, approved, activeDeadlineSeconds }: RetireOptions,
  settings: Settings,
): Job | undefined {
  const ledger = runLedger(connection);
  const mount = ledgerMount(connection);
  if (!ledger || !mount) return undefined;
  const { metadata, spec } = resource;
  const run: RetireRun = {
    formatVersion: 1,
    kind: 'Retire',
    connection: nameOf(connection.metadata),
    api: { baseUrl: connection.spec.api.baseUrl, version: connection.spec.api.version },
    export: nameOf(metadata),
    ledger,
    deletionPolicy: policyOf(spec),
    // Deleting the export was a person's word already.
    ...(isDeleted(resource) ? {} : { removalGuard: removalGuardOf(spec) }),
    ...(approved ? { approval: approved.token } : {}),
  };
  const jobLabels = {
    ...childLabels(resource, 'Retire'),
    [labels.connectionUid]: connection.metadata.uid ?? '',
  };
  const pod = podTemplate(
    {
      run,
      credentialsSecret: connection.spec.credentialsSecretRef.name,
      ledger: mount,
      labels: jobLabels,
      ...(spec.job?.resources ? { resources: spec.job.resources } : {}),
      ...(spec.job?.nodeSelector ? { nodeSelector: spec.job.nodeSelector } : {}),
      listed: allowedJobFields(spec.job, settings),
    },
    settings,
  );
  // Without the deadline, which shrinks by the second: an attempt has one name.
  const hash = shortHash(pod, 16);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: childName(metadata.name, 'retire', [metadata.uid, connection.metadata.name, attempt, hash]),
      ...namespaceOf(resource),
      labels: jobLabels,
      annotations: {
        [annotations.templateHash]: hash,
        ...(approved ? approvalAnnotations(approved) : {}),
      },
      ownerReferences: [ownerOf(resource)],
    },
    spec: jobSpec(pod, { backoffLimit: exportBackoffLimit, activeDeadlineSeconds, held: true }),
  };
}

export function isDeleted({ metadata }: CriteoSegmentExport): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** In a foreground deletion the collector removes what blocks its owner, and this Job is what the owner waits for. */
function ownerOf(resource: CriteoSegmentExport): OwnerReference {
  return isDeleted(resource) ? { ...ownedBy(resource), blockOwnerDeletion: false } : ownedBy(resource);
}
