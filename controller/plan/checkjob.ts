import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import { shortHash } from '../../api/hash.ts';
import { annotations, labels, managedBy } from '../../api/names.ts';
import type { CheckRun } from '../../api/rundocument.ts';
import { childName } from './childnames.ts';
import { jobSpec } from './jobspec.ts';
import type { Job } from './kubernetes.ts';
import { ledgerMount, runLedger } from './ledger.ts';
import { namespaceOf, ownedBy } from './owner.ts';
import { podTemplate } from './podtemplate.ts';
import type { Settings } from './settings.ts';

/** Longer than the exporter tries; the rest is for the image to arrive. */
const activeDeadlineSeconds = 120;

export function checkJobName(connection: CriteoConnection, now: number): string {
  const { name, uid, generation } = connection.metadata;
  return childName(name, 'check', [uid, generation, now]);
}

/** A short Job that proves the credentials, lists the advertisers and tries an object store; it sends nothing else. */
export function checkJob(connection: CriteoConnection, name: string, settings: Settings): Job {
  const { metadata, spec } = connection;
  const place = runLedger(connection)?.s3;
  // A volume may be at work on another node; a check that mounted it would be kept there, or wait for it.
  const mount = place && ledgerMount(connection);
  const run: CheckRun = {
    formatVersion: 1,
    kind: 'Check',
    connection: { namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid ?? '' },
    api: { baseUrl: spec.api.baseUrl, version: spec.api.version },
    ...(spec.advertiserId === undefined ? {} : { advertiserId: spec.advertiserId }),
    ...(place ? { ledger: { s3: place } } : {}),
  };
  const childLabels = {
    [labels.managedBy]: managedBy,
    [labels.connectionUid]: metadata.uid ?? '',
    [labels.runKind]: 'Check',
  };
  const pod = podTemplate(
    {
      run,
      credentialsSecret: spec.credentialsSecretRef.name,
      ...(mount ? { ledger: mount } : {}),
      labels: childLabels,
    },
    settings,
  );
  const jobSpecification = jobSpec(pod, { backoffLimit: 0, activeDeadlineSeconds, held: false });
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      ...namespaceOf(connection),
      labels: childLabels,
      annotations: { [annotations.templateHash]: shortHash(jobSpecification, 16) },
      ownerReferences: [ownedBy(connection)],
    },
    spec: jobSpecification,
  };
}
