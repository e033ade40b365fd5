import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../cluster/wait.ts';
import { buyers, connection, digestOf, openShop, type Shop, secret, segmentExport } from './shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop('e2e-wholeway');
});
afterAll(() => shop?.[Symbol.asyncDispose]());

test('from two manifests to Criteo: nothing runs by applying, one run by a request, exactly the segment arrives', async () => {
  await shop.apply(secret());
  await shop.apply(await connection(shop));
  await shop.apply(segmentExport());
  await shop.kubectl(
    ...[
      'wait',
      '--for=condition=Ready',
      'criteoconnection/nordic',
      'criteosegmentexport/buyers',
      '--timeout=60s',
    ],
  );
  expect(await shop.kubectl('get', 'jobs', '-l', 'segmentexport.io/run-kind=Export', '--output=name')).toBe(
    '',
  );
  expect(shop.sandbox.segments()).toEqual([]);

  const status = await shop.finished(await shop.request());
  expect(status.lastRun).toMatchObject({
    outcome: 'Succeeded',
    profiles: { read: 4, invalid: 1, empty: 0, duplicate: 1, selected: 2, uploaded: 2, refused: 0 },
  });
  expect(shop.sandbox.segments()).toMatchObject([{ name: 'buyers', digest: digestOf(buyers) }]);
  await shop.kubectl(
    'wait',
    '--for=condition=LastRunSucceeded',
    'criteosegmentexport/buyers',
    '--timeout=10s',
  );
});

test('kubectl create job --from starts a run as well', async () => {
  const { cronJobName } = (
    await shop.get<{ status: { cronJobName: string } }>('criteosegmentexport', 'buyers')
  ).status;
  await shop.kubectl('create', 'job', 'by-hand', `--from=cronjob/${cronJobName}`);
  const run = await waitFor('the end of the run by hand', 90_000, async () => {
    const { status } = await shop.get<{
      status: { lastRun?: { jobName: string; outcome: string; trigger: string } };
    }>('criteosegmentexport', 'buyers');
    return status.lastRun?.jobName === 'by-hand' ? status.lastRun : undefined;
  });
  expect(run).toMatchObject({ outcome: 'Succeeded', trigger: 'Manual' });
});

test('no pod of a Job has a token, and each runs as the Pod Security Standard restricted has it', async () => {
  interface PodList {
    items: { spec: { automountServiceAccountToken?: boolean; volumes: object[]; containers: object[] } }[];
  }
  const selector = 'app.kubernetes.io/managed-by=criteo-segment-export';
  const { items } = JSON.parse(await shop.kubectl('get', 'pods', '-l', selector, '--output=json')) as PodList;
  expect(items.length).toBeGreaterThan(1);
  for (const { spec } of items) {
    expect(spec.automountServiceAccountToken).toBe(false);
    expect(JSON.stringify(spec)).not.toContain('serviceAccountToken');
    expect(JSON.stringify(spec)).not.toContain('/var/run/secrets/kubernetes.io');
  }
});

test("the controller's identity cannot read a Secret", async () => {
  const identity = 'system:serviceaccount:criteo-segment-export:criteo-segment-export';
  const ask = (verb: string): Promise<string> =>
    shop.kubectl('auth', 'can-i', verb, 'secrets', `--as=${identity}`).then(
      (answer) => answer.trim(),
      // kubectl exits with 1 where the answer is no.
      (error: Error) => (error.message.includes('no') ? 'no' : error.message),
    );
  expect(await Promise.all(['get', 'list', 'watch'].map(ask))).toEqual(['no', 'no', 'no']);
});
