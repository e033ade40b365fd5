import { simplePattern } from '../../../../api/validation/schema.ts';
import type { Schema } from '../../../../scripts/generate/crd.ts';

/**
 * What the API server refuses and api/ does not: the rules in CEL that are more than a pattern, by field and the
 * beginning of their message. A new one has to be put here, or to be evaluated in api/ too.
 */
export const onlyTheServerChecks: Readonly<Record<string, readonly string[]>> = {
  CriteoConnection: [
    'spec.dataPrivacy.agreed: must be true to create',
    'spec.ledger: must have exactly one of',
    'spec.ledger.volume.accessModes: ReadWriteOncePod cannot be combined with',
  ],
  CriteoSegmentExport: [
    'spec.source.file.segmentField: path names one file and',
    "spec.segments: each name is a file's",
    'spec.source.s3.segmentField: path names one file and',
    'spec.source.azureBlob.segmentField: path names one file and',
    'spec.source.postgresql.segmentField: the export has several segments:',
    'spec.source.postgresql.modifiedField: a database does not tell',
    "spec.job.serviceAccountName: workloadIdentity is a service account's:",
    'spec.consent: must have exactly one of',
    'spec.consent.isTrue: must be true; where false',
    'spec.source: must have exactly one of',
    'spec.source.file.csv: goes with format: CSV only;',
    'spec.source.s3.csv: goes with format: CSV only;',
    'spec.source.s3: must have exactly one of',
    'spec.source.azureBlob.csv: goes with format: CSV only;',
    'spec.source.azureBlob: must have exactly one of',
    'spec.source.azureBlob.layout: CustomerInsights tells its format itself;',
    'spec.source.postgresql: must have exactly one of',
    'spec.source.customerInsights: must have exactly one of',
    'spec.segments: must have different names at',
    'spec.schedule.cron: must not hold a time',
    'spec.schedule.cron: must have five fields (minute,',
    'spec.schedule.cron: @every must be followed by',
    'spec.schedule.cron: the first field must list',
    'spec.schedule.cron: the second field must list',
    'spec.schedule.cron: the third field must list',
    'spec.schedule.cron: the fourth field must list',
    'spec.schedule.cron: the fifth field must list',
    'spec.schedule.cron: a range must go upwards,',
    'spec.schedule.timeZone: must be the IANA name',
    'spec.runAfter[]: must have exactly one of',
    'spec.runAfter[].jobSelector.matchLabels: must have label keys: at',
    'spec.job.resources.requests.cpu: must be at most what',
    'spec.job.resources.requests.memory: must be at most what',
    'spec.job.resources.requests.ephemeral-storage: must be at most what',
    'spec.job.resources.requests.cpu: must be a quantity of',
    'spec.job.resources.requests.memory: must be a quantity of',
    'spec.job.resources.requests.ephemeral-storage: must be a quantity of',
    'spec.job.resources.limits.cpu: must be a quantity of',
    'spec.job.resources.limits.memory: must be a quantity of',
    'spec.job.resources.limits.ephemeral-storage: must be a quantity of',
    'spec.job.nodeSelector: must have label keys: at',
    'spec.job.labels: must have label keys: at',
  ],
};

/** The same list, as the CRD has it. */
export function rulesBeyondPatterns(node: Schema, path = ''): string[] {
  const own = (node['x-kubernetes-validations'] ?? [])
    .filter(({ rule }) => simplePattern(rule) === undefined)
    .map(({ message = '', fieldPath = '' }) => `${plainPath(path + fieldPath)}: ${start(message)}`);
  const named = Object.entries(node.properties ?? {}).map(
    ([name, child]) => [path === '' ? name : `${path}.${name}`, child] as const,
  );
  const children = [
    ...named,
    ...(node.items ? [[`${path}[]`, node.items] as const] : []),
    ...(node.additionalProperties ? [[`${path}.*`, node.additionalProperties] as const] : []),
  ];
  return [...own, ...children.flatMap(([childPath, child]) => rulesBeyondPatterns(child, childPath))];
}

/** `requests['ephemeral-storage']`, `labels["x"]` and `labels[x]` as `requests.ephemeral-storage` and `labels.x`. */
export function plainPath(path: string): string {
  return path.replace(/\[(["'])(.*?)\1\]/gs, '.$2').replace(/\[(?!\d*\])([^\]]*)\]/g, '.$1');
}

function start(message: string): string {
  return message.split(' ').slice(0, 5).join(' ');
}
