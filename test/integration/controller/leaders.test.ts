import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../../cluster/wait.ts';
import type { ControllerProcess } from '../../support/controllerprocess.ts';
import { conditionOf, digestOf, people, type Shop } from './shop.ts';
import { controllerNamespace, startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const leasePath = `/apis/coordination.k8s.io/v1/namespaces/${controllerNamespace}/leases/leader.segmentexport.io`;
const leading = /"msg":"leading"/;

async function holder(): Promise<string> {
  const { body } = await world.api.call(leasePath);
  return (body as { spec?: { holderIdentity?: string } }).spec?.holderIdentity ?? '';
}

/** Two controllers as an installation has them, and a slow Criteo; the first to lead comes first. */
async function shopWithTwo(): Promise<{ shop: Shop; leader: ControllerProcess; other: ControllerProcess }> {
  await world.api.call(leasePath, { method: 'DELETE' });
  const shop = await world.shop();
  // There is one Lease: those of an earlier test would take it.
  onTestFinished(() => shop[Symbol.asyncDispose]());
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 2000, operation: 'add', times: 'always' });
  const flags = ['--leader-election-namespace', controllerNamespace];
  const leader = await shop.startController({ flags });
  const other = shop.launchController({ flags });
  await other.watches();
  await shop.settle();
  expect(other.output).not.toMatch(leading);
  return { shop, leader, other };
}

async function expectRuns(shop: Shop, count: number): Promise<void> {
  const object = await shop.untilRuns(count);
  await shop.nudge();
  expect(object.status?.history?.map(({ outcome }) => outcome)).toEqual(Array(count).fill('Succeeded'));
  expect(shop.exporters()).toHaveLength(count);
  expect(world.kubelet.mostAtOnce(shop.namespace)).toBe(1);
  expect(await shop.heldJobs()).toEqual([]);
  expect(conditionOf(object, 'LastRunSucceeded')?.status).toBe('True');
  expect(shop.sandbox.segments().map(({ digest }) => digest)).toEqual([digestOf(people)]);
}

test('the leader is killed with a run at work: the other takes over, and no run is doubled', async () => {
  const { shop, leader, other } = await shopWithTwo();
  await shop.request();
  await shop.untilStarted(1);
  await leader.kill();
  await shop.request();
  await other.leads();
  await expectRuns(shop, 2);
});

test('the leader is told to end: it gives the Lease back and ends well, and the other leads', async () => {
  const { shop, leader, other } = await shopWithTwo();
  const before = await holder();
  expect(await leader.stop()).toBe(0);
  expect(await holder()).not.toBe(before);
  await other.leads();
  await shop.request();
  await expectRuns(shop, 1);
});

test('the leader freezes and wakes up when another leads: it steps back, no run is doubled, and it may lead again', async () => {
  const { shop, leader, other } = await shopWithTwo();
  leader.signal('SIGSTOP');
  await shop.request();
  await other.leads();
  await shop.untilStarted(1);
  // What it missed while it slept, the request among it, is all news to it.
  leader.signal('SIGCONT');
  await leader.said(/"msg":"lost the lease"/);
  await expectRuns(shop, 1);

  await other.kill();
  await leader.said(/"msg":"leading".*"msg":"leading"/s);
  await shop.request();
  await expectRuns(shop, 2);
});

test('two controllers without leader election, as after a wrong setting: never two runs at work, none doubled', async () => {
  const shop = await world.shop();
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 1000, operation: 'add', times: 'always' });
  await Promise.all([shop.startController(), shop.startController()]);
  await shop.settle();
  await Promise.all([shop.request(), shop.createJobByHand('by-hand')]);
  await expectRuns(shop, 2);
  const waited = await waitFor('the events', 20_000, async () => {
    const events = await shop.events('newsletter');
    return events.filter(({ reason }) => reason === 'RunSucceeded').length === 2 ? events : undefined;
  });
  expect(waited.filter(({ reason }) => reason === 'RunStarted')).toHaveLength(2);
});
