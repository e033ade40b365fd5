import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { annotations } from '../../../api/names.ts';
import {
  conditionOf,
  csvOf,
  digestOf,
  exportName,
  hasReason,
  type Shop,
  withLedger,
  writes,
} from './shop.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const all = ['anna@example.com', 'berit@example.com', 'chris@example.com', 'dora@example.com'];
const few = ['anna@example.com'];

/** Criteo holds four people, and the list has one. */
async function shrunkShop(): Promise<Shop> {
  const shop = await world.shop();
  await shop.startController();
  await shop.settle({ connection: withLedger, files: { 'people.csv': csvOf(all) } });
  await shop.runOnce();
  await shop.putFiles({ 'people.csv': csvOf(few) });
  return shop;
}

const digests = (shop: Shop) => shop.sandbox.segments().map(({ digest }) => digest);

describe.concurrent('the removal guard', () => {
  test('stops the run, says how many and how to approve it; the very command of the message approves it', async () => {
    const shop = await shrunkShop();
    const before = writes(shop.sandbox);
    const stopped = await shop.runOnce();
    expect(writes(shop.sandbox)).toBe(before);
    const run = stopped.status?.lastRun?.jobName ?? '';
    expect(stopped.status?.lastRun).toMatchObject({ outcome: 'Failed', profiles: { removed: 0, held: 4 } });
    expect(stopped.status?.segments).toMatchObject([{ outcome: 'Failed', reason: 'RemovalGuard', held: 4 }]);
    expect(conditionOf(stopped, 'Ready')).toMatchObject({ status: 'False', reason: 'RemovalGuard' });
    const message = conditionOf(stopped, 'Stalled')?.message ?? '';
    expect(message).toContain('3 of 4 identifiers would be removed from the segment "readers"');
    expect(stopped.status?.pendingApproval).toMatchObject({ runName: run, message, generation: 1 });
    expect((await shop.untilEvent('RemovalGuard', exportName)).note).toBe(
      `The run ${run} ended: Failed. ${message}`,
    );

    const command = /`kubectl (.*)`/.exec(message)?.[1]?.split(' ') ?? [];
    await shop.kubectl(command);
    const { status } = await shop.untilRuns(3);
    expect(status?.lastRun).toMatchObject({
      trigger: 'Approval',
      approvedRun: run,
      outcome: 'Succeeded',
      profiles: { removed: 3, held: 1 },
    });
    expect(status).not.toHaveProperty('pendingApproval');
    expect(digests(shop)).toEqual([digestOf(few)]);
    const { status: after } = await shop.nudge();
    expect(after?.lastHandledApprovedRun).toBe(run);
    expect(shop.exporters()).toHaveLength(3);
  });

  test('holds an approval to what was seen: where the list has changed since, it asks again', async () => {
    const shop = await shrunkShop();
    const first = (await shop.runOnce()).status?.pendingApproval;
    await shop.putFiles({ 'people.csv': csvOf(all.slice(0, 2)) });
    await shop.approve(first?.runName ?? '');
    const { status } = await shop.untilRuns(3);
    expect(status?.lastRun).toMatchObject({ trigger: 'Approval', outcome: 'Failed' });
    expect(status?.pendingApproval?.message).toContain('2 of 4 identifiers would be removed');
    expect(status?.pendingApproval).toMatchObject({ runName: status?.lastRun?.jobName });
    expect(status?.pendingApproval?.token).not.toBe(first?.token);
    expect(digests(shop)).toEqual([digestOf(all)]);

    await shop.approve(status?.pendingApproval?.runName ?? '');
    await shop.untilRuns(4);
    expect(digests(shop)).toEqual([digestOf(all.slice(0, 2))]);
  });

  test('lets a mended list through, and waits for nobody then', async () => {
    const shop = await shrunkShop();
    await shop.runOnce();
    await shop.putFiles({ 'people.csv': csvOf(all) });
    const mended = await shop.runOnce();
    expect(mended.status).not.toHaveProperty('pendingApproval');
    expect(conditionOf(mended, 'Ready')).toMatchObject({
      status: 'True',
      reason: 'RunSucceeded',
    });
    expect(digests(shop)).toEqual([digestOf(all)]);
  });
});

describe.concurrent('an approval is refused, with an event that says what to do,', () => {
  test('of another run than the one that waits', async () => {
    const shop = await shrunkShop();
    const waiting = (await shop.runOnce()).status?.pendingApproval?.runName;
    await shop.approve('newsletter-req-0000000000');
    const { note } = await shop.untilEvent('ApprovalRefused', exportName);
    expect(note).toContain(`The one that waits is ${waiting}`);
    const { status } = await shop.nudge();
    expect(status?.lastHandledApprovedRun).toBe('newsletter-req-0000000000');
    expect(shop.exporters()).toHaveLength(2);
    expect(digests(shop)).toEqual([digestOf(all)]);
  });

  test('of a definition that was changed since', async () => {
    const shop = await shrunkShop();
    const waiting = (await shop.runOnce()).status?.pendingApproval?.runName ?? '';
    const changed = await shop.nudge();
    expect(changed.status).not.toHaveProperty('pendingApproval');
    expect(conditionOf(changed, 'Ready')).toMatchObject({ status: 'True', reason: 'AwaitingRun' });
    await shop.approve(waiting);
    expect((await shop.untilEvent('ApprovalRefused', exportName)).note).toContain('ask for a plan');
    await shop.nudge();
    expect(shop.exporters()).toHaveLength(2);
    expect(digests(shop)).toEqual([digestOf(all)]);
  });
});

describe.concurrent('a plan', () => {
  test('tells what a run would do, sends nothing, and is nothing to the runs', async () => {
    const shop = await world.shop();
    await shop.startController();
    await shop.settle({ connection: withLedger, files: { 'people.csv': csvOf(all) } });
    const first = await shop.planOnce();
    expect(first).toMatchObject({
      outcome: 'Succeeded',
      needsApproval: false,
      profiles: { add: 4, remove: 0 },
      segments: [{ name: 'readers', action: 'Create', add: 4, remove: 0 }],
    });
    expect(writes(shop.sandbox)).toBe(0);
    expect(shop.sandbox.segments()).toEqual([]);
    const { status } = await shop.getExport();
    for (const field of ['lastRun', 'history', 'ledgers', 'consecutiveFailures', 'lastHandledRequestedAt']) {
      expect(status).not.toHaveProperty(field);
    }
    expect(status?.lastHandledPlanRequestedAt).toBe(first.requestedAt);
    expect((await shop.untilEvent('PlanFinished', exportName)).note).toContain(
      'A run would add 4 and remove 0 identifiers in 1 segment.',
    );

    await shop.runOnce();
    await shop.putFiles({ 'people.csv': csvOf([...all, 'new@example.com']) });
    const before = writes(shop.sandbox);
    const second = await shop.planOnce();
    expect(second.segments).toMatchObject([{ action: 'None', add: 1, remove: 0, origin: 'Created' }]);
    expect(second.segments?.[0]?.criteoSegmentId).toBe(shop.sandbox.segments()[0]?.id);
    expect(writes(shop.sandbox)).toBe(before);
    expect((await shop.getExport()).status?.lastRun?.trigger).toBe('Request');
  });

  test('shows what the guard would stop, and its approval starts the run that does just that', async () => {
    const shop = await shrunkShop();
    const plan = await shop.planOnce();
    expect(plan).toMatchObject({
      needsApproval: true,
      segments: [{ reason: 'RemovalGuard', add: 0, remove: 3 }],
    });
    const planned = await shop.getExport();
    expect(conditionOf(planned, 'Ready')).toMatchObject({ status: 'True', reason: 'RunSucceeded' });
    expect(planned.status?.pendingApproval?.runName).toBe(plan.jobName);
    await shop.approve(plan.jobName);
    const { status } = await shop.untilRuns(2);
    expect(status?.lastRun).toMatchObject({
      trigger: 'Approval',
      outcome: 'Succeeded',
      approvedRun: plan.jobName,
    });
    expect(digests(shop)).toEqual([digestOf(few)]);
  });

  test('that cannot find something out shows no number for it', async () => {
    const shop = await world.shop();
    await shop.startController();
    await shop.settle({ connection: withLedger, files: { 'people.csv': csvOf(all, 'others') } });
    const plan = await shop.planOnce();
    expect(plan).toMatchObject({ outcome: 'Failed', segments: [{ reason: 'SegmentNotFound' }] });
    expect(plan.segments?.[0]).not.toHaveProperty('add');
    expect(plan.profiles).not.toHaveProperty('add');
    await shop.untilExport('Ready', hasReason('Ready', 'AwaitingRun'));
  });

  test('takes its turn behind a run, and an older request is refused', async () => {
    const shop = await world.shop();
    shop.sandbox.addFault({ kind: 'delay', milliseconds: 3000, path: '/create$' });
    await shop.startController();
    await shop.settle({ connection: withLedger, files: { 'people.csv': csvOf(all) } });
    await shop.request();
    await shop.untilStarted(1);
    const plan = await shop.planOnce();
    expect(plan).toMatchObject({ outcome: 'Succeeded', profiles: { add: 0, remove: 0 } });
    expect(world.kubelet.mostAtOnce(shop.namespace)).toBe(1);
    await shop.annotate(annotations.planRequestedAt, '2020-01-01T00:00:00Z');
    expect((await shop.untilEvent('RequestIgnored', exportName)).note).toContain(
      'The request for a plan of 2020',
    );
    expect(shop.exporters()).toHaveLength(2);
  });
});
