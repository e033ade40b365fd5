import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../../cluster/wait.ts';
import type { ControllerProcess } from '../../support/controllerprocess.ts';
import { conditionOf, digestOf, people, type Shop } from './shop.ts';
import { installIdentity, startWorld, type World, writeTokenKubeconfig } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

/** Two controllers as an installation has them, and a slow Criteo. */
interface Pair {
  shop: Shop;
  leader: ControllerProcess;
  other: ControllerProcess;
  /** Who has the Lease. */
  holder(): Promise<string>;
}

/** An installation of its own, and so a Lease of its own: tests run side by side. */
async function shopWithTwo(): Promise<Pair> {
  const shop = await world.shop();
  const namespace = `controllers-of-${shop.namespace}`;
  const token = await installIdentity(world.controlPlane.kubeconfigPath, {
    namespace,
    watchedNamespaces: [shop.namespace],
  });
  const kubeconfig = join(world.directory, `${namespace}.kubeconfig`);
  await writeTokenKubeconfig(kubeconfig, world.controlPlane, token);
  const flags = ['--leader-election-namespace', namespace];
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 2000, operation: 'add', times: 'always' });
  const first = await shop.startController({ kubeconfig, flags });
  const second = shop.launchController({ kubeconfig, flags });
  await second.watches();
  await shop.settle();
  const lease = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/leader.segmentexport.io`;
  const holder = async (): Promise<string> => {
    const { body } = await world.api.call(lease);
    return (body as { spec?: { holderIdentity?: string } }).spec?.holderIdentity ?? '';
  };
  // The first, as a rule; but on a busy machine it may have been too late to renew the Lease.
  const [leader, other] = isOf(await holder(), first) ? [first, second] : [second, first];
  await waitFor('one that leads alone', 60_000, () => (isLeading(other) ? undefined : true));
  return { shop, leader, other, holder };
}

function isOf(identity: string, { output }: ControllerProcess): boolean {
  return output.split('\n').some((line) => line.includes('"msg":"starting"') && line.includes(identity));
}

function isLeading({ output }: ControllerProcess): boolean {
  return output.lastIndexOf('"msg":"leading"') > output.lastIndexOf('"msg":"lost the lease"');
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

test.concurrent('the leader is killed with a run at work: the other takes over, and no run is doubled', async () => {
  const { shop, leader, other } = await shopWithTwo();
  await shop.request();
  await shop.untilStarted(1);
  await leader.kill();
  await shop.request();
  await other.leads();
  await expectRuns(shop, 2);
});

test.concurrent('the leader is told to end: it gives the Lease back and ends well, and the other leads', async () => {
  const { shop, leader, other, holder } = await shopWithTwo();
  const before = await holder();
  expect(await leader.stop()).toBe(0);
  expect(await holder()).not.toBe(before);
  await other.leads();
  await shop.request();
  await expectRuns(shop, 1);
});

test.concurrent('the leader freezes and wakes up when another leads: it steps back, no run is doubled, and it may lead again', async () => {
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

test.concurrent('two controllers without leader election, as after a wrong setting: never two runs at work, none doubled', async () => {
  const shop = await world.shop();
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 1000, operation: 'add', times: 'always' });
  await Promise.all([shop.startController(), shop.startController()]);
  await shop.settle();
  await Promise.all([shop.request(), shop.createJobByHand('by-hand')]);
  await expectRuns(shop, 2);
  const waited = await waitFor('the events', 60_000, async () => {
    const events = await shop.events('newsletter');
    return events.filter(({ reason }) => reason === 'RunSucceeded').length === 2 ? events : undefined;
  });
  expect(waited.filter(({ reason }) => reason === 'RunStarted')).toHaveLength(2);
});
