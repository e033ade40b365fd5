import type { CriteoConnection } from '../../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../../api/generated/criteosegmentexport.ts';
import { checkJob } from '../../../controller/plan/checkjob.ts';
import { cronJob } from '../../../controller/plan/cronjob.ts';
import { exportTemplate } from '../../../controller/plan/exporttemplate.ts';
import type { CronJob, Job } from '../../../controller/plan/kubernetes.ts';
import { retireJob } from '../../../controller/plan/retirejob.ts';
import { requestedJob } from '../../../controller/plan/runjob.ts';
import type { Settings } from '../../../controller/plan/settings.ts';
import { connection, segmentExport } from '../../../controller/plan/testkit/objects.ts';

const namespace = 'default';
const secret = { credentialsSecretRef: { name: 'store' } };
const tenantId = '11111111-2222-4333-8444-555555555555';
const list = { path: 'people.csv', segmentField: 'segment' };

/** As a person writes them: the schema's defaults are put on later. */
const sources: Record<string, object> = {
  'a file': {},
  'a file, with all that the flags allow': {
    job: {
      labels: { team: 'crm', 'example.com/cost': '7' },
      priorityClassName: 'batch-low',
      tolerations: [{ key: 'batch', operator: 'Exists', effect: 'NoSchedule' }],
    },
  },
  's3 by a Secret': {
    source: { s3: { region: 'eu-north-1', bucket: 'people', ...list, ...secret } },
  },
  's3 by a service account': {
    source: {
      s3: {
        region: 'eu-north-1',
        bucket: 'people',
        ...list,
        workloadIdentity: { roleARN: 'arn:aws:iam::123456789012:role/reader' },
      },
    },
    job: { serviceAccountName: 'crm-exports' },
  },
  'azureBlob by a service account': {
    source: {
      azureBlob: {
        endpoint: 'https://store.example',
        container: 'people',
        ...list,
        workloadIdentity: { tenantId, clientId: tenantId },
      },
    },
    job: { serviceAccountName: 'crm-exports' },
  },
  'postgresql with authorities of its own': {
    source: {
      postgresql: {
        host: 'db.example',
        database: 'crm',
        table: 'people',
        segmentField: 'segment',
        caSecretRef: { name: 'authorities' },
        ...secret,
      },
    },
  },
};

const ledgers: Record<string, Partial<CriteoConnection['spec']>> = {
  'no ledger': {},
  'a ledger on a volume': { ledger: { volume: { size: '1Gi' } } },
  'a ledger in a bucket': {
    ledger: { s3: { region: 'eu-north-1', bucket: 'ledger', credentialsSecretRef: { name: 'ledger' } } },
  },
};

/** Every shape of Job that the controller makes, by what it is for; in the namespace default. */
export function jobShapes(settings: Settings): Record<string, Job> {
  const shapes: Record<string, Job> = {};
  for (const [withLedger, spec] of Object.entries(ledgers)) {
    const used = connection({ metadata: { namespace }, spec });
    shapes[`a check, with ${withLedger}`] = checkJob(used, 'check', settings);
    const retirement = retireJob(
      segmentExport({ metadata: { namespace } }),
      used,
      { attempt: 1, activeDeadlineSeconds: 60 },
      settings,
    );
    if (retirement) shapes[`a retirement, with ${withLedger}`] = retirement;
    for (const [source, changes] of Object.entries(sources)) {
      const { resource, template } = definition(used, changes, settings);
      shapes[`a run of ${source}, with ${withLedger}`] = requestedJob(resource, template, 'now', Date.now());
    }
  }
  return shapes;
}

export function exampleCronJob(settings: Settings): CronJob {
  const used = connection({ metadata: { namespace } });
  const { resource, template } = definition(used, { schedule: { cron: '0 4 * * *' } }, settings);
  return cronJob(resource, template, false);
}

function definition(used: CriteoConnection, changes: object, settings: Settings) {
  const spec = changes as Partial<CriteoSegmentExport['spec']>;
  const resource = segmentExport({ metadata: { namespace }, spec });
  const template = exportTemplate({ export: resource, connection: used, claimExists: true }, settings);
  if (!template) throw new Error('the definition has no template');
  return { resource, template };
}
