import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../cluster/wait.ts';
import { ControllerProcess } from '../../support/controllerprocess.ts';
import {
  conditionOf,
  connectionName,
  csvOf,
  digestOf,
  exportName,
  goodCredentials,
  hasReason,
  isCurrent,
  type Shop,
  withLedger,
} from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const people = ['anna@example.com', 'berit@example.com'];

/** Criteo holds two people, by an export with this policy. */
async function filledShop(spec: object, flags: readonly string[] = []): Promise<Shop> {
  const shop = await world.shop();
  await shop.startController({ flags: ['--leader-elect=false', ...flags] });
  await shop.settle({ connection: withLedger, export: spec, files: { 'people.csv': csvOf(people) } });
  await shop.runOnce();
  return shop;
}

const digests = (shop: Shop) => shop.sandbox.segments().map(({ digest }) => digest);
const retirements = (shop: Shop) => world.kubelet.runs(shop.namespace, 'Retire');

async function untilNoChildren(shop: Shop): Promise<void> {
  await waitFor('its children are gone', 60_000, async () => {
    const jobs = await world.api.call(shop.path('Job'));
    const cronJobs = await world.api.call(shop.path('CronJob'));
    const own = (jobs.body.items as { metadata: { labels?: Record<string, string> } }[]).filter(
      ({ metadata }) => metadata.labels?.['segmentexport.io/export-uid'] !== undefined,
    );
    return own.length === 0 && (cronJobs.body.items as object[]).length === 0 ? true : undefined;
  });
}

describe.concurrent('deleting an export', () => {
  test.each(['Background', 'Foreground', 'Orphan'] as const)(
    'with Empty (%s): what it added goes, its children go, and it goes',
    async (propagation) => {
      const shop = await filledShop({ deletionPolicy: 'Empty' });
      const [segment] = shop.sandbox.segments();
      shop.sandbox.changeMembers({ segmentId: segment?.id ?? '', identifiers: ['foreign@example.com'] });
      await shop.delete('CriteoSegmentExport', exportName, propagation);
      await shop.untilGone('CriteoSegmentExport', exportName);
      expect(digests(shop)).toEqual([digestOf(['foreign@example.com'])]);
      expect(retirements(shop)).toHaveLength(1);
      expect((await shop.untilEvent('SegmentsRetired', exportName)).note).toContain(
        '2 identifiers as removed',
      );
      expect((await shop.events(exportName)).map(({ reason }) => reason)).not.toContain('LeftAtCriteo');
      if (propagation !== 'Orphan') await untilNoChildren(shop);
      expect(shop.sandbox.violations()).toEqual([]);
    },
  );

  test('with Delete: the segment that it made is deleted', async () => {
    const shop = await filledShop({ deletionPolicy: 'Delete' });
    await shop.delete('CriteoSegmentExport', exportName);
    await shop.untilGone('CriteoSegmentExport', exportName);
    expect(shop.sandbox.segments()).toEqual([]);
  });

  test('with Retain: it goes at once, and everything stays', async () => {
    const shop = await filledShop({});
    expect((await shop.getExport()).metadata.finalizers).toBeUndefined();
    await shop.controllers[0]?.kill();
    await shop.delete('CriteoSegmentExport', exportName);
    await shop.untilGone('CriteoSegmentExport', exportName, 5000);
    expect(digests(shop)).toEqual([digestOf(people)]);
    expect(retirements(shop)).toEqual([]);
  });

  test('that never ran: it goes at once', async () => {
    const shop = await world.shop();
    await shop.startController();
    await shop.settle({ connection: withLedger, export: { deletionPolicy: 'Empty' } });
    await shop.planOnce();
    expect((await shop.getExport()).metadata.finalizers).toBeUndefined();
    await shop.delete('CriteoSegmentExport', exportName);
    await shop.untilGone('CriteoSegmentExport', exportName, 5000);
  });

  test('while a run is at work: that ends first, and what it had sent goes too', async () => {
    const shop = await filledShop({ deletionPolicy: 'Empty' });
    await shop.putFiles({ 'people.csv': csvOf([...people, 'new@example.com']) });
    shop.sandbox.addFault({ kind: 'delay', milliseconds: 50_000, operation: 'add' });
    await shop.request();
    await shop.untilStarted(2);
    await waitFor('it sends', 30_000, () =>
      shop.sandbox.requests().filter(({ path }) => path.endsWith('/contact-list')).length >= 2
        ? true
        : undefined,
    );
    await shop.createJobByHand('by-hand');
    await shop.delete('CriteoSegmentExport', exportName);
    await shop.untilGone('CriteoSegmentExport', exportName, 120_000);
    expect(digests(shop)).toEqual([digestOf([])]);
    expect(world.kubelet.mostAtOnce(shop.namespace)).toBe(1);
    expect(shop.exporters()).toHaveLength(2);
    await untilNoChildren(shop);
  }, 300_000);
});

describe.concurrent('a deleted export is never kept for ever:', () => {
  test('its connection was deleted first: it goes at once, and event and log name what is left', async () => {
    const shop = await filledShop({ deletionPolicy: 'Empty' });
    const id = shop.sandbox.segments()[0]?.id;
    await shop.delete('CriteoConnection', connectionName);
    await shop.untilExport('ConnectionNotFound', hasReason('Ready', 'ConnectionNotFound'));
    await shop.delete('CriteoSegmentExport', exportName);
    await shop.untilGone('CriteoSegmentExport', exportName);
    const { note, type } = await shop.untilEvent('LeftAtCriteo', exportName);
    expect(type).toBe('Warning');
    expect(note).toContain(`the connection "nordic" is gone. Segments: ${id} "readers" of advertiser 12345.`);
    expect(shop.controllers[0]?.output).toContain(`${id} \\"readers\\" of advertiser 12345`);
  });

  test('its namespace is deleted: it goes, and the log names what is left', async () => {
    const shop = await filledShop({ deletionPolicy: 'Delete' });
    const id = shop.sandbox.segments()[0]?.id;
    const { status } = await world.api.call(`/api/v1/namespaces/${shop.namespace}`, { method: 'DELETE' });
    expect(status).toBe(200);
    await waitFor('the namespace is gone', 90_000, async () =>
      (await world.api.call(`/api/v1/namespaces/${shop.namespace}`)).status === 404 ? true : undefined,
    );
    const left = shop.sandbox.segments().length;
    // It may have been faster than the namespace controller.
    if (left > 0) expect(shop.controllers[0]?.output).toContain(`${id} \\"readers\\" of advertiser 12345`);
  });

  test('its credentials are broken: it waits and says why, and goes when the time is over', async () => {
    const shop = await filledShop({ deletionPolicy: 'Empty' }, ['--retire-deadline-seconds=40']);
    await shop.putSecret({ ...goodCredentials, clientSecret: 'of-last-year' });
    await shop.delete('CriteoSegmentExport', exportName);
    const waiting = await shop.untilExport('an attempt failed', ({ status }) =>
      Boolean(status?.retirements?.some(({ attempts, outcome }) => attempts && outcome !== 'Running')),
    );
    expect(conditionOf(waiting, 'Ready')).toMatchObject({ status: 'False', reason: 'Deleting' });
    expect(waiting.status?.retirements?.[0]?.message).toContain('Criteo refused the client id and secret');
    await shop.untilGone('CriteoSegmentExport', exportName, 90_000);
    expect((await shop.untilEvent('LeftAtCriteo', exportName)).note).toContain(
      'could not be dealt with in time',
    );
    expect(digests(shop)).toEqual([digestOf(people)]);
  }, 240_000);

  test('its credentials are mended in time: it is dealt with', async () => {
    const shop = await filledShop({ deletionPolicy: 'Empty' });
    await shop.putSecret({ ...goodCredentials, clientSecret: 'of-last-year' });
    await shop.delete('CriteoSegmentExport', exportName);
    await shop.untilExport('an attempt failed', ({ status }) =>
      Boolean(status?.retirements?.some(({ attempts, outcome }) => attempts && outcome !== 'Running')),
    );
    await shop.putSecret(goodCredentials);
    await shop.untilGone('CriteoSegmentExport', exportName, 110_000);
    expect(digests(shop)).toEqual([digestOf([])]);
  }, 240_000);

  test('its connection is suspended: it waits, and is dealt with when that ends', async () => {
    const shop = await filledShop({ deletionPolicy: 'Empty' });
    await shop.patch('CriteoConnection', connectionName, { spec: { suspend: true } });
    await shop.untilConnection('Suspended', hasReason('Ready', 'Suspended'));
    await shop.delete('CriteoSegmentExport', exportName);
    const waiting = await shop.untilExport('Deleting', hasReason('Ready', 'Deleting'));
    expect(conditionOf(waiting, 'Ready')?.message).toContain('The connection "nordic" is suspended');
    expect(conditionOf(waiting, 'Reconciling')?.status).toBe('True');
    expect(retirements(shop)).toEqual([]);
    await shop.patch('CriteoConnection', connectionName, { spec: { suspend: false } });
    await shop.untilGone('CriteoSegmentExport', exportName);
    expect(digests(shop)).toEqual([digestOf([])]);
  });

  test('a person sets the policy to Retain: it goes at once', async () => {
    const shop = await filledShop({ deletionPolicy: 'Empty' });
    await shop.patch('CriteoConnection', connectionName, { spec: { suspend: true } });
    await shop.untilConnection('Suspended', hasReason('Ready', 'Suspended'));
    await shop.delete('CriteoSegmentExport', exportName);
    await shop.untilExport('Deleting', hasReason('Ready', 'Deleting'));
    await shop.patch('CriteoSegmentExport', exportName, { spec: { deletionPolicy: 'Retain' } });
    await shop.untilGone('CriteoSegmentExport', exportName);
    expect(digests(shop)).toEqual([digestOf(people)]);
  });

  test('the controller is gone for good: --release-finalizers lets go, and says what is left', async () => {
    const shop = await filledShop({ deletionPolicy: 'Empty' });
    const id = shop.sandbox.segments()[0]?.id;
    await shop.controllers[0]?.kill();
    await shop.delete('CriteoSegmentExport', exportName);
    expect((await shop.getExport()).metadata.deletionTimestamp).toBeDefined();
    await using release = new ControllerProcess({
      program: world.controllerProgram,
      kubeconfig: world.controllerKubeconfig,
      flags: ['--namespace', shop.namespace, '--leader-elect=false', '--release-finalizers'],
    });
    expect(await release.ended).toBe(0);
    expect(release.output).toContain(`${shop.namespace}/${exportName}: What this export sent`);
    expect(release.output).toContain(`Segments: ${id} "readers" of advertiser 12345.`);
    expect(release.output).toContain('1 export was let go.');
    await shop.untilGone('CriteoSegmentExport', exportName);
  });
});

test.concurrent('the finalizer follows the policy', async () => {
  const shop = await filledShop({});
  const finalizersOf = async (policy: string): Promise<string[] | undefined> => {
    await shop.patch('CriteoSegmentExport', exportName, { spec: { deletionPolicy: policy } });
    await shop.untilExport(policy, isCurrent);
    return (await shop.getExport()).metadata.finalizers;
  };
  const patience = { timeout: 60_000 };
  await expect.poll(() => finalizersOf('Empty'), patience).toEqual(['segmentexport.io/retire']);
  await expect.poll(() => finalizersOf('Retain'), patience).toBeUndefined();
});

test.concurrent('a controller that is killed while it deletes ends it after its restart, by one Job at a time', async () => {
  const shop = await filledShop({ deletionPolicy: 'Empty' });
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 700, times: 'always' });
  await shop.delete('CriteoSegmentExport', exportName);
  for (const wait of [150, 700, 1200]) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    await shop.controllers.at(-1)?.kill();
    await shop.startController();
  }
  await shop.untilGone('CriteoSegmentExport', exportName, 90_000);
  expect(world.kubelet.mostAtOnce(shop.namespace)).toBe(1);
  expect(digests(shop)).toEqual([digestOf([])]);
}, 240_000);
