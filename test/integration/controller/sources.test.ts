import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { documentOf } from '../../../controller/plan/jobdocument.ts';
import type { Job } from '../../../controller/plan/kubernetes.ts';
import { runSourceOf } from '../../../controller/plan/rundocumentsource.ts';
import { exportFrom, sourceTitles } from '../../../controller/plan/testkit/sources.ts';
import { repositoryDirectory } from '../../cluster/paths.ts';
import { waitFor } from '../../cluster/wait.ts';
import { conditionOf, hasReason, type Shop, withLedger } from './shop.ts';
import { startWorld, type World } from './world.ts';

/** A connection whose runs are held, one whose runs start, and one that asks for consent. */
const [resting, live, strict] = ['resting', 'live', 'strict'];

let world: World;
let shop: Shop;
beforeAll(async () => {
  world = await startWorld();
  shop = await world.shop();
  await shop.startController({
    flags: [
      '--leader-elect=false',
      '--allowed-source-endpoint=http://store.example:9000',
      '--allowed-authority-host=https://login.example',
    ],
  });
  await shop.prepare();
  await shop.apply(claim('people'));
  await shop.apply(serviceAccount('crm-exports'));
  await shop.apply(shop.connection({ suspend: true }, resting));
  await shop.apply(shop.connection({}, live));
  // As the examples name it.
  await shop.apply(shop.connection(withLedger));
});
afterAll(() => world?.[Symbol.asyncDispose]());

function claim(name: string): object {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: { accessModes: ['ReadOnlyMany'], resources: { requests: { storage: '1Gi' } } },
  };
}

function serviceAccount(name: string): object {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } };
}

/** A Job that a person makes of the export's CronJob. */
async function jobOf(name: string): Promise<Job> {
  const { status } = await shop.untilExport(
    'its CronJob',
    (object) => object.status?.cronJobName !== undefined,
    name,
  );
  await shop.kubectl(['create', 'job', `of-${name}`, `--from=cronjob/${status?.cronJobName}`]);
  const { body } = await world.api.call(`${shop.path('Job')}/of-${name}`);
  return body as unknown as Job;
}

const secretOf = (secretName: string): object => ({ secretName, optional: true });
const reader = { name: 'source-credentials', secret: secretOf('reader') };
const tokenFor = (audience: string): object => ({
  name: 'identity',
  projected: { sources: [{ serviceAccountToken: { audience, expirationSeconds: 3600, path: 'token' } }] },
});
const forAzure = tokenFor('api://AzureADTokenExchange');
const ca = { name: 'source-ca', secret: { ...secretOf('warehouse-ca'), items: [{ key: 'ca.crt' }] } };
const mounted = { name: 'source', persistentVolumeClaim: { claimName: 'people', readOnly: true } };

const volumes: Record<string, object[]> = {
  'file with a column of segments': [mounted],
  'file of a directory': [mounted],
  'file that is the newest': [mounted],
  's3 with keys': [reader],
  's3 with a role': [tokenFor('sts.amazonaws.com')],
  'azureBlob with a SAS token': [reader],
  'azureBlob of Customer Insights': [forAzure],
  'postgresql with a query': [reader],
  'postgresql with a table and a CA': [reader, ca],
  'customerInsights with a secret': [reader],
  'customerInsights with an identity': [forAzure],
};

describe.concurrent('a run’s Job', () => {
  test.each(sourceTitles)('of %s has what its source needs, and its pod would be accepted', async (title) => {
    const { source, job } = exportFrom(title).spec;
    const name = `source-${sourceTitles.indexOf(title)}`;
    await shop.apply(shop.segmentExport({ connectionRef: { name: resting }, source, job }, name));
    const made = await jobOf(name);
    const document = documentOf(made);
    expect(document?.kind === 'Export' && document.source).toEqual(runSourceOf(source));
    const pod = made.spec.template.spec as { volumes: object[]; serviceAccountName?: string };
    expect(pod.volumes.slice(2)).toMatchObject(volumes[title] ?? []);
    expect(pod).toMatchObject({ automountServiceAccountToken: false });
    expect(pod.serviceAccountName).toBe(job?.serviceAccountName);
    const accepted = await world.api.dryRunCreate(shop.path('Pod'), {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `pod-of-${name}`, ...made.spec.template.metadata },
      spec: made.spec.template.spec,
    });
    expect(accepted.status, accepted.body.message).toBe(201);
    // A pod that names a service account gets a token for the API server, unless it says not to.
    expect(JSON.stringify(accepted.body.spec)).not.toContain('kube-api-access');
  });
});

describe.concurrent('the example', () => {
  const directory = join(repositoryDirectory, 'examples');
  const files = readdirSync(directory).filter((name) => name.startsWith('export'));

  test.each(files)('%s is a definition that can run', async (file) => {
    const definition = parse(readFileSync(join(directory, file), 'utf8')) as {
      metadata: { name: string };
      spec: { runAfter?: { cronJob?: string }[] };
    };
    for (const { cronJob } of definition.spec.runAfter ?? []) {
      if (cronJob !== undefined) await shop.apply(refreshing(cronJob));
    }
    await shop.apply(definition);
    const { name } = definition.metadata;
    await shop.untilExport('AwaitingRun', hasReason('Ready', 'AwaitingRun'), name);
  });
});

/** The CronJob that an export follows; it never runs. */
function refreshing(name: string): object {
  const container = { name: 'refresh', image: 'registry.example/refresh:1' };
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name },
    spec: {
      schedule: '0 0 1 1 *',
      suspend: true,
      jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } } },
    },
  };
}

interface Refusal {
  what: string;
  title: string;
  /** Of the source. */
  changes: object;
  reason: string;
  says: string;
}

const refusals: Refusal[] = [
  {
    what: 'an endpoint without TLS',
    title: 's3 with keys',
    changes: { endpoint: 'http://other.example:9000' },
    reason: 'SourceEndpointNotAllowed',
    says: 'spec.source.s3.endpoint: http://other.example:9000 is not encrypted',
  },
  {
    what: 'the platform’s identity for a store that is not AWS',
    title: 's3 with a role',
    changes: { endpoint: 'https://evilamazonaws.com' },
    reason: 'SourceEndpointNotAllowed',
    says: 'spec.source.s3.endpoint: https://evilamazonaws.com is not S3 of AWS',
  },
  {
    what: 'the platform’s identity for an account that is not Azure’s',
    title: 'azureBlob of Customer Insights',
    changes: { endpoint: 'https://blob.core.windows.net.evil.example' },
    reason: 'SourceEndpointNotAllowed',
    says: 'spec.source.azureBlob.endpoint: https://blob.core.windows.net.evil.example is not Azure Storage',
  },
  {
    what: 'tokens of another authority',
    title: 'customerInsights with a secret',
    changes: { authorityHost: 'https://login.evil.example' },
    reason: 'AuthorityHostNotAllowed',
    says: 'spec.source.customerInsights.authorityHost: https://login.evil.example is none of Microsoft',
  },
];

describe.concurrent('an export that wants', () => {
  test.each(refusals)('$what is refused by name, and used without it', async (refusal) => {
    const { title, changes, reason, says } = refusal;
    const name = `refused-${refusals.indexOf(refusal)}`;
    const { source, job } = exportFrom(title).spec;
    const [kind = '', fields] = Object.entries(source)[0] ?? [];
    const definition = (own: object) =>
      shop.segmentExport(
        { connectionRef: { name: live }, source: { [kind]: { ...(fields as object), ...own } }, job },
        name,
      );
    await shop.apply(definition(changes));
    const seen = await shop.untilExport(reason, hasReason('Ready', reason), name);
    const message = expect.stringContaining(says);
    expect(conditionOf(seen, 'Ready')).toMatchObject({ status: 'False', message });
    expect(conditionOf(seen, 'Stalled')).toMatchObject({ status: 'True', message });
    expect(seen.status?.cronJobName).toBeUndefined();
    expect(await shop.untilEvent(reason, name)).toMatchObject({ type: 'Warning', note: message });

    await shop.apply(definition({}));
    const usable = await shop.untilExport('AwaitingRun', hasReason('Ready', 'AwaitingRun'), name);
    expect(conditionOf(usable, 'Stalled')).toBeUndefined();
  });

  test('what whoever runs the controller has allowed is used', async () => {
    const { s3 } = exportFrom('s3 with a role').spec.source;
    const { customerInsights } = exportFrom('customerInsights with a secret').spec.source;
    const job = { serviceAccountName: 'crm-exports' };
    const sources = {
      'allowed-store': { source: { s3: { ...s3, endpoint: 'http://store.example:9000' } }, job },
      'allowed-authority': {
        source: { customerInsights: { ...customerInsights, authorityHost: 'https://login.example' } },
      },
    };
    for (const [name, spec] of Object.entries(sources)) {
      await shop.apply(shop.segmentExport({ connectionRef: { name: live }, ...spec }, name));
      await shop.untilExport('AwaitingRun', hasReason('Ready', 'AwaitingRun'), name);
    }
  });
});

describe('a connection that asks for consent', () => {
  const without = (): object => shop.segmentExport({ connectionRef: { name: strict } }, 'consent');

  test('has no export run that does not filter by it', async () => {
    // One that comes later is refused when it is written; this one comes before what asks for consent.
    await shop.apply(without());
    await shop.apply(shop.connection({ requireConsent: true }, strict));
    const refused = await shop.untilExport(
      'ConsentRequired',
      hasReason('Ready', 'ConsentRequired'),
      'consent',
    );
    expect(conditionOf(refused, 'Stalled')).toMatchObject({
      status: 'True',
      message: expect.stringContaining('spec.consent: the connection "strict" asks for it'),
    });
    expect(refused.status?.cronJobName).toBeUndefined();

    const consent = { field: 'optIn', isTrue: true };
    await shop.apply(shop.segmentExport({ connectionRef: { name: strict }, consent }, 'consent'));
    await shop.untilExport('AwaitingRun', hasReason('Ready', 'AwaitingRun'), 'consent');
  });

  test('later stops those that did not, and lets them go on when it no longer asks', async () => {
    const name = 'later';
    await shop.apply(shop.segmentExport({ connectionRef: { name: live } }, name));
    await shop.untilExport('AwaitingRun', hasReason('Ready', 'AwaitingRun'), name);
    await shop.apply(shop.connection({ requireConsent: true }, live));
    await shop.untilExport('ConsentRequired', hasReason('Ready', 'ConsentRequired'), name);
    await shop.apply(shop.connection({}, live));
    await shop.untilExport('AwaitingRun', hasReason('Ready', 'AwaitingRun'), name);
  });
});

describe('a service account that does not exist', () => {
  test('is told before a run starts; made, the export is used', async () => {
    const name = 'no-account';
    const spec = { connectionRef: { name: live }, job: { serviceAccountName: 'made-later' } };
    await shop.apply(shop.segmentExport(spec, name));
    const blocked = await shop.untilExport('blocked', hasReason('Ready', 'ServiceAccountNotFound'), name);
    expect(conditionOf(blocked, 'Ready')?.message).toContain(
      'spec.job.serviceAccountName: no service account "made-later" is in this namespace; create it',
    );
    expect(conditionOf(blocked, 'Reconciling')?.status).toBe('True');
    await shop.apply(serviceAccount('made-later'));
    await shop.untilExport('AwaitingRun', hasReason('Ready', 'AwaitingRun'), name);
  });

  test('is why: of a Job that names one Kubernetes makes no pod, and only an event tells', async () => {
    const name = 'nobodys';
    await shop.create(shop.path('Job'), {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name },
      spec: {
        template: {
          spec: {
            restartPolicy: 'Never',
            serviceAccountName: 'nobody',
            containers: [{ name: 'exporter', image: 'unused' }],
          },
        },
      },
    });
    type Event = { reason: string; note?: string; regarding: { name: string } };
    const told = await waitFor('the event of the Job', 30_000, async () => {
      const { body } = await world.api.call(`/apis/events.k8s.io/v1/namespaces/${shop.namespace}/events`);
      return (body.items as Event[]).find(({ regarding }) => regarding.name === name);
    });
    expect(told).toMatchObject({ reason: 'FailedCreate' });
    expect(told.note).toContain('serviceaccount "nobody" not found');
    const { body } = await world.api.call(`${shop.path('Job')}/${name}`);
    expect((body.status as { conditions?: object[] }).conditions).toBeUndefined();
  });
});
