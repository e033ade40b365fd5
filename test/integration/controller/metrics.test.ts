import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../cluster/run.ts';
import { waitFor } from '../../cluster/wait.ts';
import type { ControllerProcess } from '../../support/controllerprocess.ts';
import { documentTable } from '../../support/documenttable.ts';
import { prometheusPrograms } from '../../support/prometheus.ts';
import { connectionName, csvOf, exportName, halfAYearAway, type Shop, withLedger } from './shop.ts';
import { controllerNamespace, startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const all = ['anna@example.com', 'berit@example.com', 'chris@example.com', 'dora@example.com'];
const few = ['anna@example.com'];

/** What /metrics shows now, by series: `name{label="value"}`. */
async function seriesOf(controller: ControllerProcess): Promise<Map<string, number>> {
  const lines = (await controller.metrics()).split('\n');
  const samples = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** The name of a series of the shop's export: `of('runs_total', {outcome: 'Failed'})`. */
function seriesName(shop: Shop, name: string, labels: Record<string, string> = {}): string {
  const more = Object.entries(labels).map(([label, value]) => `,${label}="${value}"`);
  return `criteo_export_${name}{namespace="${shop.namespace}",export="${exportName}"${more.join('')}}`;
}

function condition(shop: Shop, type: string, status: string, reason: string): string {
  return seriesName(shop, 'condition', { type, status, reason });
}

/** Waits until the metrics show these; the cache that they are made from is a moment behind the API server. */
async function untilShown(shop: Shop, wanted: Record<string, number>): Promise<Map<string, number>> {
  const [controller] = shop.controllers;
  if (!controller) throw new Error('the shop has no controller');
  let shown = new Map<string, number>();
  return await waitFor(`the metrics ${JSON.stringify(wanted)}`, 30_000, async () => {
    shown = await seriesOf(controller);
    return Object.entries(wanted).every(([name, value]) => shown.get(name) === value) ? shown : undefined;
  }).catch((error: unknown) => {
    const ours = [...shown].filter(([name]) => name.startsWith('criteo_'));
    throw new Error(`${error}\n${ours.map((one) => one.join(' ')).join('\n')}`);
  });
}

/** The names of the series that speak of an export. */
function ofExports(shown: Map<string, number>): string[] {
  return [...shown.keys()].filter((name) => name.startsWith('criteo_export_'));
}

function secondsOf(time: string | undefined): number {
  return Date.parse(time ?? '') / 1000;
}

async function shopWithController(): Promise<Shop> {
  const shop = await world.shop();
  await shop.startController();
  await shop.settle({ connection: withLedger, files: { 'people.csv': csvOf(all) } });
  return shop;
}

describe.concurrent('the metrics of an export', () => {
  test('tell of its runs, of its failure, that it is suspended, and nothing when it is deleted', async () => {
    const shop = await shopWithController();
    const outcome = (name: string) => seriesName(shop, 'runs_total', { outcome: name });
    const identifiers = (name: string) => seriesName(shop, 'identifiers_total', { outcome: name });
    const before = await untilShown(shop, {
      [condition(shop, 'Ready', 'True', 'AwaitingRun')]: 1,
      [`criteo_connection_condition{namespace="${shop.namespace}",connection="${connectionName}",type="Ready",status="True",reason="CredentialsAccepted"}`]: 1,
      [outcome('Succeeded')]: 0,
      [outcome('Failed')]: 0,
      [identifiers('uploaded')]: 0,
      [seriesName(shop, 'api_calls_total')]: 0,
      [seriesName(shop, 'throttled_seconds_total')]: 0,
      [seriesName(shop, 'consecutive_failures')]: 0,
      [seriesName(shop, 'suspended')]: 0,
    });
    expect(before.has(seriesName(shop, 'last_success_timestamp_seconds'))).toBe(false);
    expect(before.has(seriesName(shop, 'profiles'))).toBe(false);

    await shop.putFiles({ 'people.csv': csvOf([...all, 'nobody', 'anna@example.com']) });
    const { status } = await shop.runOnce();
    await untilShown(shop, {
      [condition(shop, 'Ready', 'True', 'RunSucceeded')]: 1,
      [condition(shop, 'LastRunSucceeded', 'True', 'Succeeded')]: 1,
      [outcome('Succeeded')]: 1,
      [identifiers('read')]: 6,
      [identifiers('invalid')]: 1,
      [identifiers('duplicate')]: 1,
      [identifiers('uploaded')]: 4,
      [seriesName(shop, 'profiles')]: 4,
      [seriesName(shop, 'api_calls_total')]: status?.lastRun?.criteoCalls ?? Number.NaN,
      [seriesName(shop, 'last_success_timestamp_seconds')]: secondsOf(status?.lastRun?.finishedAt),
      [seriesName(shop, 'last_run_duration_seconds')]:
        secondsOf(status?.lastRun?.finishedAt) - secondsOf(status?.lastRun?.startedAt),
    });

    await shop.putFiles({ 'people.csv': csvOf(all, 'others') });
    const failed = (await shop.runOnce()).status;
    const shown = await untilShown(shop, {
      [condition(shop, 'Ready', 'False', 'SegmentsFailed')]: 1,
      [condition(shop, 'Stalled', 'True', 'SegmentsFailed')]: 1,
      [outcome('Succeeded')]: 1,
      [outcome('Failed')]: 1,
      [seriesName(shop, 'consecutive_failures')]: 1,
      [seriesName(shop, 'last_run_timestamp_seconds')]: secondsOf(failed?.lastRun?.finishedAt),
      [seriesName(shop, 'last_success_timestamp_seconds')]: secondsOf(status?.lastRun?.finishedAt),
    });
    const readies = ofExports(shown).filter((name) => name.includes('type="Ready"'));
    expect(readies).toEqual([condition(shop, 'Ready', 'False', 'SegmentsFailed')]);

    const schedule = { cron: halfAYearAway().cron, timeZone: 'Europe/Oslo' };
    await shop.patch('CriteoSegmentExport', exportName, { spec: { schedule } });
    const { status: scheduled } = await shop.untilExport(
      'a next run',
      (object) => object.status?.nextRunTime !== undefined,
    );
    await untilShown(shop, {
      [seriesName(shop, 'next_run_timestamp_seconds')]: secondsOf(scheduled?.nextRunTime),
    });
    await shop.patch('CriteoSegmentExport', exportName, { spec: { suspend: true } });
    const suspended = await untilShown(shop, {
      [seriesName(shop, 'suspended')]: 1,
      [condition(shop, 'Ready', 'True', 'Suspended')]: 1,
    });
    expect(suspended.has(seriesName(shop, 'next_run_timestamp_seconds'))).toBe(false);

    await shop.delete('CriteoSegmentExport', exportName);
    await shop.untilGone('CriteoSegmentExport', exportName);
    const controller = shop.controllers[0] as ControllerProcess;
    const after = await waitFor('the end of its series', 30_000, async () => {
      const left = await seriesOf(controller);
      return ofExports(left).length === 0 ? left : undefined;
    });
    expect([...after.keys()].some((name) => name.startsWith('criteo_connection_condition'))).toBe(true);
  });

  test('tell that one waits for an approval, and what the approved run removed', async () => {
    const shop = await shopWithController();
    await shop.runOnce();
    await untilShown(shop, { [seriesName(shop, 'pending_approval')]: 0 });
    await shop.putFiles({ 'people.csv': csvOf(few) });
    const { status } = await shop.runOnce();
    await untilShown(shop, {
      [seriesName(shop, 'pending_approval')]: 1,
      [condition(shop, 'Ready', 'False', 'RemovalGuard')]: 1,
      [seriesName(shop, 'profiles')]: 4,
      [seriesName(shop, 'runs_total', { outcome: 'Failed' })]: 1,
    });
    await shop.approve(status?.pendingApproval?.runName ?? '');
    await shop.untilRuns(3);
    await untilShown(shop, {
      [seriesName(shop, 'pending_approval')]: 0,
      [seriesName(shop, 'profiles')]: 1,
      [seriesName(shop, 'runs_total', { outcome: 'Succeeded' })]: 2,
      [seriesName(shop, 'identifiers_total', { outcome: 'removed' })]: 3,
    });
  });

  test('tell of the run at work, of the one that waits, and of one that was cancelled', async () => {
    const shop = await shopWithController();
    shop.sandbox.addFault({ kind: 'delay', milliseconds: 60_000, path: '/create$' });
    await shop.request();
    await waitFor('the run is at Criteo', 60_000, () => shop.sandbox.segments().length > 0 || undefined);
    await shop.createJobByHand('by-hand');
    const { status } = await shop.untilExport('one that waits', (object) => object.status?.waitingRuns === 1);
    await untilShown(shop, {
      [seriesName(shop, 'active_run_start_timestamp_seconds')]: secondsOf(status?.activeRun?.startedAt),
      [seriesName(shop, 'waiting_runs')]: 1,
    });
    await shop.annotate('segmentexport.io/cancelledRun', status?.activeRun?.jobName ?? '');
    await shop.untilRuns(2);
    const shown = await untilShown(shop, {
      [seriesName(shop, 'runs_total', { outcome: 'Cancelled' })]: 1,
      [seriesName(shop, 'waiting_runs')]: 0,
      [condition(shop, 'LastRunSucceeded', 'True', 'Succeeded')]: 1,
    });
    expect(shown.has(seriesName(shop, 'active_run_start_timestamp_seconds'))).toBe(false);
  });
});

test('of two replicas only the one that leads shows exports; one that led and lost the Lease shows none', async () => {
  const shop = await world.shop();
  const flags = ['--leader-election-namespace', controllerNamespace];
  const leader = await shop.startController({ flags });
  const other = shop.launchController({ flags });
  await other.watches();
  await shop.settle();
  const leads = 'leader_election_master_status{name="leader.segmentexport.io"}';
  await untilShown(shop, { [leads]: 1, [condition(shop, 'Ready', 'True', 'AwaitingRun')]: 1 });
  const shown = await seriesOf(other);
  expect(shown.get(leads)).toBe(0);
  expect(shown.get('process_open_fds')).toBeGreaterThan(3);
  expect([...shown.keys()].filter((name) => name.startsWith('criteo_'))).toEqual([]);

  leader.signal('SIGSTOP');
  await other.leads();
  await shop.runOnce();
  const labels = `namespace="${shop.namespace}",export="${exportName}",outcome="Succeeded"`;
  const counted = await waitFor('the run in the metrics', 30_000, async () => {
    const now = await seriesOf(other);
    return now.get(`criteo_export_runs_total{${labels}}`) === 1 ? now : undefined;
  });
  expect(counted.get(leads)).toBe(1);

  leader.signal('SIGCONT');
  await leader.said(/"msg":"lost the lease"/);
  await waitFor('the former leader shows none', 30_000, async () => {
    const now = await seriesOf(leader);
    return [...now.keys()].every((name) => !name.startsWith('criteo_')) ? true : undefined;
  });
  expect((await seriesOf(leader)).get(leads)).toBe(0);
});

test('Prometheus reads them without a complaint, and docs/metrics.md lists them all', async () => {
  const shop = await shopWithController();
  await shop.runOnce();
  const text = await (shop.controllers[0] as ControllerProcess).metrics();
  const { promtool } = await prometheusPrograms(console.log);
  expect(await run(promtool, ['check', 'metrics'], { input: text })).toBe('');

  const registered = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]);
  const documented = ['Exports and connections', 'The controller', 'The process'].flatMap((heading) =>
    [...documentTable('docs/metrics.md', heading).rows].map(([name, [type]]) => [
      name.replaceAll('`', ''),
      type,
    ]),
  );
  // Without leader election there is nothing to tell of it.
  const known = documented.filter(([name]) => name !== 'leader_election_master_status');
  expect(registered.sort()).toEqual(known.sort());
});
