import { KubeConfig } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { identifierOutcomes, runOutcomes } from '../../controller/plan/metrics/endedruns.ts';
import { connectMetrics } from '../../controller/reconcile/resourcemetrics.ts';
import { KubeClient } from '../../controller/runtime/client.ts';
import { runController } from '../../controller/runtime/controller.ts';
import { LeaderElector } from '../../controller/runtime/leaderelection.ts';
import { type Family, Registry } from '../../controller/runtime/metrics.ts';
import { registerProcessMetrics } from '../../controller/runtime/processmetrics.ts';
import { WorkQueue } from '../../controller/runtime/queue.ts';
import { documentTable } from './documenttable.ts';

const page = 'docs/metrics.md';

/** All that a controller registers from its start until it leads. */
function allFamilies(): Family[] {
  const metrics = new Registry();
  registerProcessMetrics(metrics);
  const client = new KubeClient({ loadConfig: () => new KubeConfig(), fieldManager: 'test', metrics });
  new LeaderElector({ client, namespace: 'shop', name: 'lease', identity: 'one', metrics });
  const queue = new WorkQueue({ name: 'test', metrics });
  runController({ name: 'test', queue, reconcile: async () => {}, metrics });
  const store = { list: () => [] };
  connectMetrics({ connections: { store }, exports: { store, addHandler: () => () => {} } }, metrics);
  return metrics.families();
}

function documented(): [name: string, type: string, labels: string][] {
  return ['Exports and connections', 'The controller', 'The process'].flatMap((heading) => {
    const { columns, rows } = documentTable(page, heading);
    expect(columns).toEqual(['Type', 'Labels', 'Meaning']);
    return [...rows].map(([name, [type = '', labels = '', meaning = '']]): [string, string, string] => {
      expect(meaning).not.toBe('');
      return [name, type, labels];
    });
  });
}

test('docs/metrics.md lists each metric with its type and labels, and no others', () => {
  const families = allFamilies().map(({ name, type, labels }) => [`\`${name}\``, type, labels.join(', ')]);
  expect(families.length).toBeGreaterThan(30);
  expect(documented().sort()).toEqual(families.sort());
});

test('docs/metrics.md explains each outcome of identifiers and of runs', () => {
  const { rows } = documentTable(page, 'Outcomes of identifiers');
  expect([...rows.keys()]).toEqual(identifierOutcomes.map((outcome) => `\`${outcome}\``));
  const runs = documentTable(page, 'Exports and connections').rows.get('`criteo_export_runs_total`');
  for (const outcome of runOutcomes) expect(runs?.at(-1)).toContain(outcome);
});
