import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import { shortHash } from '../../api/hash.ts';
import { annotations, apiVersion, labels, managedBy } from '../../api/names.ts';
import type { CheckRun } from '../../api/rundocument.ts';
import { childName } from './childnames.ts';
import { jobSpec } from './jobspec.ts';
import type { Job } from './kubernetes.ts';
import { podTemplate } from './podtemplate.ts';
import type { Settings } from './settings.ts';

/** Longer than the exporter tries; the rest is for the image to arrive. */
const activeDeadlineSeconds = 120;

export function checkJobName(connection: CriteoConnection, now: number): string {
  const { name, uid, generation } = connection.metadata;
  return childName(name, 'check', [uid, generation, now]);
}

/** A short Job that proves the credentials and lists the advertisers; it sends nothing else. */
export function checkJob(connection: CriteoConnection, name: string, settings: Settings): Job {
  const { metadata, spec } = connection;
  const run: CheckRun = {
    formatVersion: 1,
    kind: 'Check',
    connection: { namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid ?? '' },
    api: { baseUrl: spec.api.baseUrl, version: spec.api.version },
    ...(spec.advertiserId === undefined ? {} : { advertiserId: spec.advertiserId }),
  };
  const childLabels = {
    [labels.managedBy]: managedBy,
    [labels.connectionUid]: metadata.uid ?? '',
    [labels.runKind]: 'Check',
  };
  const pod = podTemplate(
    { run, credentialsSecret: spec.credentialsSecretRef.name, labels: childLabels },
    settings,
  );
  const jobSpecification = jobSpec(pod, { backoffLimit: 0, activeDeadlineSeconds, held: false });
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels: childLabels,
      annotations: { [annotations.templateHash]: shortHash(jobSpecification, 16) },
      ownerReferences: [
        {
          apiVersion,
          kind: 'CriteoConnection',
          name: metadata.name,
          uid: metadata.uid ?? '',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: jobSpecification,
  };
}
