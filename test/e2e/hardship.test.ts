import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../cluster/wait.ts';
import {
  buyers,
  connection,
  digestOf,
  type ExportStatus,
  openShop,
  type Shop,
  secret,
  segmentExport,
} from './shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop('e2e-hardship');
});
afterAll(() => shop?.[Symbol.asyncDispose]());

interface WithConditions {
  status?: { conditions?: { type: string; status: string; reason: string; message: string }[] };
}

async function ready(kind: string, name: string, reason: string): Promise<string> {
  // A Secret that was made is met by the next check, which comes after half a minute at most, in a pod of its own.
  return waitFor(`Ready with the reason ${reason} on ${kind} ${name}`, 120_000, async () => {
    const { status } = await shop.get<WithConditions>(kind, name);
    const condition = status?.conditions?.find(({ type }) => type === 'Ready');
    return condition?.reason === reason ? `${condition.status}: ${condition.message}` : undefined;
  });
}

test('a missing Secret is told, and making it is enough', async () => {
  await shop.apply(await connection(shop));
  await shop.apply(segmentExport());
  expect(await ready('criteoconnection', 'nordic', 'SecretNotFound')).toContain('criteo-nordic');
  await shop.apply(secret());
  expect(await ready('criteoconnection', 'nordic', 'CredentialsAccepted')).toContain('1 advertiser');
  await ready('criteosegmentexport', 'buyers', 'AwaitingRun');
});

test('a file that is not there fails the run with the path in the message, sends nothing, and is no pod that hangs', async () => {
  await shop.apply(
    segmentExport({
      source: { file: { persistentVolumeClaim: { claimName: 'people' }, path: 'nobody.csv' } },
    }),
  );
  const status = await shop.finished(await shop.request());
  expect(status.lastRun).toMatchObject({ outcome: 'Failed', reason: 'SourceNotFound' });
  expect(status.lastRun?.message).toContain('nobody.csv');
  expect(await ready('criteosegmentexport', 'buyers', 'SourceNotFound')).toContain('False');
  expect(shop.sandbox.segments()).toEqual([]);
});

test('a claim that is not there is told before any run', async () => {
  await shop.apply(
    segmentExport({
      source: { file: { persistentVolumeClaim: { claimName: 'absent' }, path: 'people.csv' } },
    }),
  );
  expect(await ready('criteosegmentexport', 'buyers', 'ClaimNotFound')).toContain('"absent"');
});

test('a run whose pod is killed in mid-upload is taken up again, and one run is what status tells', async () => {
  await shop.apply(segmentExport());
  await ready('criteosegmentexport', 'buyers', 'AwaitingRun');
  // The upload hangs, so that there is a moment to kill it in.
  shop.sandbox.addFault({ kind: 'delay', operation: 'add', milliseconds: 20_000, times: 1 });
  const value = await shop.request();
  const pod = await waitFor('the upload', 60_000, async () => {
    const sending = shop.sandbox.requests().some(({ path }) => path.endsWith('/create'));
    const names = await shop.kubectl(
      'get',
      'pods',
      '-l',
      'segmentexport.io/run-kind=Export',
      '--field-selector=status.phase=Running',
      '--output=name',
    );
    return sending && names.trim() !== '' ? names.trim().split('\n')[0] : undefined;
  });
  await shop.kubectl('delete', pod, '--grace-period=0', '--force');
  const status = await shop.finished(value);
  expect(status.lastRun?.outcome).toBe('Succeeded');
  expect(shop.sandbox.segments()).toMatchObject([{ name: 'buyers', digest: digestOf(buyers) }]);
});

test('the leading controller is killed during a run: the other one tells its end', async () => {
  shop.sandbox.addFault({ kind: 'delay', operation: 'add', milliseconds: 5_000, times: 1 });
  const value = await shop.request();
  await waitFor('the start of the run', 60_000, async () => {
    const { status } = await shop.get<{ status?: ExportStatus }>('criteosegmentexport', 'buyers');
    // Where the looks were far apart, it may have ended already.
    return status?.activeRun ?? (status?.lastRun?.requestedAt === value ? status.lastRun : undefined);
  });
  const inNamespace = ['--namespace', 'criteo-segment-export'];
  const lease = await shop.ground.kubectl([
    'get',
    'lease',
    'leader.segmentexport.io',
    ...inNamespace,
    '--output=jsonpath={.spec.holderIdentity}',
  ]);
  const leader = lease.split('_')[0] ?? '';
  await shop.ground.kubectl(['delete', 'pod', leader, ...inNamespace, '--grace-period=0', '--force']);
  const status = await shop.finished(value);
  expect(status.lastRun?.outcome).toBe('Succeeded');
});
