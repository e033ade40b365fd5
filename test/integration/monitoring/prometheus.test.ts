import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conditionTypes } from '../../../api/reasons.ts';
import { isExportReason } from '../../../controller/plan/conditionreasons.ts';
import { skipReasons } from '../../../controller/plan/endreasons.ts';
import { runOutcomes } from '../../../controller/plan/metrics/endedruns.ts';
import { waitFor } from '../../cluster/wait.ts';
import type { Sample } from '../../support/prometheus.ts';
import { samplesOf } from '../../support/states/samples.ts';
import { conditionOf } from '../controller/shop.ts';
import { metricsIn, substituted, wordsIn } from './expressions.ts';
import { dashboard, type Panel, panels, rules } from './files.ts';
import { promises, type Shown, sorted } from './promises.ts';
import { exportNames, foreignName, type Scene, startScene } from './scene.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await startScene();
}, 300_000);
afterAll(() => scene?.[Symbol.asyncDispose]());

/** As when a person chooses nothing, and looks at the last hour. */
const chosen = { namespace: '.*', export: '.*', __rate_interval: '1h', __range: '1h' };

const expressions = [
  ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...rules.map(({ expr }) => expr),
];

test('the exports are in the states that their names tell', async () => {
  const exports = await scene.exports();
  const reasons = exportNames.map((name) => [name, conditionOf(exports[name], 'Ready')?.reason]);
  expect(Object.fromEntries(reasons)).toEqual({
    good: 'RunSucceeded',
    failed: 'SourceNotFound',
    suspended: 'Suspended',
    guarded: 'RemovalGuard',
    throttled: 'RunSucceeded',
    cancelled: 'AwaitingRun',
    awaiting: 'ClaimNotFound',
    busy: 'AwaitingRun',
  });
});

test('the scrape config finds each controller once, and nothing else', async () => {
  const targets = await waitFor('both controllers being scraped', 30_000, async () => {
    const { activeTargets } = (await scene.prometheus.get('targets')) as {
      activeTargets: { labels: Record<string, string>; health: string }[];
    };
    const ours = activeTargets.filter(({ labels }) => labels.job === 'criteo-segment-export');
    return ours.every(({ health }) => health === 'up') ? ours : undefined;
  });
  expect(targets.map(({ labels }) => labels.pod).toSorted()).toEqual(['controller-0', 'controller-1']);
  expect(targets.map(({ labels }) => labels.namespace)).toEqual(Array(2).fill('criteo-segment-export'));
});

test('every metric that the rules and the dashboard read is there', async () => {
  // Nothing is overdue or was skipped here, because no run was due yet.
  const absent = [
    ...rules.flatMap(({ record }) => record ?? []),
    'criteo_export_last_skipped_run_timestamp_seconds',
  ];
  const names = [...new Set(expressions.flatMap(metricsIn))];
  expect(names.length).toBeGreaterThan(20);
  const measured = names.filter((name) => !absent.includes(name));
  await waitFor('each metric', 30_000, async () => {
    const known = (await scene.prometheus.get('label/__name__/values')) as string[];
    expect(measured.filter((name) => !known.includes(name))).toEqual([]);
    return true;
  });
});

test('the rules and the dashboard compare labels with words that exist', () => {
  const words = (label: string): string[] => expressions.flatMap((expr) => wordsIn(expr, label));
  const types: string[] = Object.values(conditionTypes);
  expect(words('type').filter((type) => !types.includes(type))).toEqual([]);
  expect(words('status').filter((status) => !['True', 'False', 'Unknown'].includes(status))).toEqual([]);
  const isReason = (word: string) => isExportReason(word) || skipReasons.some((known) => known === word);
  expect(words('reason').filter((reason) => !isReason(reason))).toEqual([]);
  expect(words('outcome').filter((outcome) => !runOutcomes.some((known) => known === outcome))).toEqual([]);
  for (const label of ['type', 'status', 'reason', 'outcome']) expect(words(label), label).not.toEqual([]);
});

/** Asks what a panel asks; each answer in the order of its labels. */
function answersOf(panel: Panel, at: number): Promise<Sample[][]> {
  const targets = panel.targets ?? [];
  return Promise.all(
    targets.map(async ({ expr }) => sorted(await scene.prometheus.query(substituted(expr, chosen), at))),
  );
}

/** What is there to be shown. */
async function whatIsShown(): Promise<Omit<Shown, 'at'>> {
  const [exports, connections] = await Promise.all([scene.exports(), scene.connections()]);
  return { exports: Object.values(exports), connections, page: samplesOf(await scene.leader.metrics()) };
}

/** Of the dashboard's variable, by which one chooses among several Prometheus. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: it is Grafana's.
const dataSource = '${datasource}';

describe('the dashboard', () => {
  test('promises something of each panel, and no two panels overlap', () => {
    expect(panels.map(({ title }) => title).toSorted()).toEqual(Object.keys(promises).toSorted());
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { title, description = '', datasource, targets = [] } of panels) {
      expect(description, title).toMatch(/^[A-Z].*\.$/);
      expect(
        [datasource, ...targets.map((target) => target.datasource)].map((source) => source?.uid),
      ).toEqual(Array(targets.length + 1).fill(dataSource));
    }
  });

  test.each(panels)('shows in "$title" what kubectl shows', async (panel) => {
    const shown = await whatIsShown();
    await waitFor(panel.title, 30_000, async () => {
      const at = Date.now();
      const answers = await answersOf(panel, at);
      promises[panel.title]?.(answers, { ...shown, at });
      expect(JSON.stringify(answers)).not.toContain(foreignName);
      return true;
    });
  });

  test('keeps none of its promises with a query that has the name of a metric wrong', async () => {
    const at = Date.now();
    const shown = { ...(await whatIsShown()), at };
    for (const panel of panels) {
      for (const [index, target] of (panel.targets ?? []).entries()) {
        for (const name of metricsIn(target.expr)) {
          const expr = target.expr.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), `${name}_misspelt`);
          const targets = panel.targets?.with(index, { ...target, expr }) ?? [];
          const answers = await answersOf({ ...panel, targets }, at);
          const shows = () => promises[panel.title]?.(answers, shown);
          expect(shows, `${panel.title}: ${name}`).toThrow();
        }
      }
    }
  });

  test('lets one choose among the namespaces and their exports', async () => {
    const values = async (name: string, more: Record<string, string>): Promise<unknown> => {
      const { definition = '' } = dashboard.templating.list.find((one) => one.name === name) ?? {};
      const [, selector = '', label] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? [];
      const match = { 'match[]': substituted(selector, more) };
      return await scene.prometheus.get(`label/${label}/values`, match);
    };
    const { namespace } = scene.shop;
    expect(await values('namespace', {})).toEqual([namespace]);
    expect(await values('export', { namespace })).toEqual(exportNames.toSorted());
    expect(await values('export', { namespace: 'another' })).toEqual([]);
  });

  test('shows one export where one is chosen', async () => {
    const panel = panels.find(({ title }) => title === 'Waiting runs');
    const query = substituted(panel?.targets?.[0]?.expr ?? '', { ...chosen, export: 'busy' });
    // A scrape that is too slow leaves every series out for once.
    await waitFor('the export', 30_000, async () => {
      const samples = await scene.prometheus.query(query);
      expect(samples.map(({ labels, value }) => [labels.export, value])).toEqual([['busy', 1]]);
      return true;
    });
  });
});

interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  activeAt: string;
}

/** Alerts that are on their way or raised, by name and what they are about. */
async function alerts(): Promise<Map<string, Alert>> {
  const { alerts } = (await scene.prometheus.get('alerts')) as { alerts: Alert[] };
  const entries = alerts.map((alert) => {
    const { alertname = '', export: name, connection } = alert.labels;
    return [[alertname, name ?? connection].join(' ').trim(), alert] as const;
  });
  // Two alerts about the same are one too many.
  expect(new Set(entries.map(([key]) => key)).size).toBe(entries.length);
  return new Map(entries);
}

const raised = [
  'CriteoApiVersionDeprecated nordic',
  'CriteoConnectionNotReady baltic',
  'CriteoExportAwaitsApproval guarded',
  'CriteoExportNotReady awaiting',
  'CriteoExportStalled failed',
];

describe('the alerts', () => {
  test('are evaluated without a fault', async () => {
    const { groups } = (await scene.prometheus.get('rules')) as {
      groups: { rules: { name: string; health: string; lastError?: string }[] }[];
    };
    const found = groups.flatMap((group) => group.rules);
    expect(found).toHaveLength(rules.length);
    for (const { name, health, lastError } of found)
      expect([name, health, lastError]).toEqual([name, 'ok', undefined]);
  });

  test('are about what fails or waits for a person, each told once, with the reason', async () => {
    const now = await waitFor('the alerts', 30_000, async () => {
      const all = await alerts();
      expect([...all.keys()].toSorted()).toEqual(raised);
      // A scrape that is too slow leaves the reason out for once; the alert holds.
      const { annotations } = all.get('CriteoExportStalled failed') ?? {};
      expect(annotations?.description).toContain('SourceNotFound');
      return all;
    });
    const { namespace } = scene.shop;
    const { annotations } = now.get('CriteoExportStalled failed') ?? {};
    expect(annotations?.summary).toBe(
      `The export ${namespace}/failed fails until a person changes something.`,
    );
    for (const { annotations } of now.values())
      expect(JSON.stringify(annotations)).not.toMatch(/error|no value/);
  });

  test('go on without a break when the leader is killed and the other takes over', async () => {
    const before = await waitFor('the alerts', 30_000, async () => {
      const all = await alerts();
      expect([...all.keys()].toSorted()).toEqual(raised);
      return all;
    });
    await scene.leader.kill();
    await scene.other.leads();
    await waitFor('Prometheus hearing of the exports from the new leader', 60_000, async () => {
      const told = await scene.prometheus.query(
        'criteo_export_condition{pod="controller-1", type="Stalled"}',
      );
      return told.length > 0 || undefined;
    });
    // For as long as the Lease is nobody's, that is on its way to an alert.
    const after = await waitFor('the same alerts', 30_000, async () => {
      const all = await alerts();
      expect([...all.keys()].toSorted()).toEqual(raised);
      return all;
    });
    for (const [key, { activeAt }] of before) expect(after.get(key)?.activeAt, key).toBe(activeAt);
  });
});
