import { beforeAll, expect, test } from 'vitest';
import { deployment } from '../../../deploy/deployment.ts';
import { monitoring } from '../../../deploy/monitoring.ts';
import { defaultOptions } from '../../../deploy/options.ts';
import { run } from '../../cluster/run.ts';
import { type PrometheusPrograms, prometheusPrograms } from '../../support/prometheus.ts';
import { monitoringDirectory, monitoringFile, rules } from './files.ts';

let programs: PrometheusPrograms;
beforeAll(async () => {
  programs = await prometheusPrograms(console.log);
}, 600_000);

const promtool = (...args: string[]): Promise<string> =>
  run(programs.promtool, args, { cwd: monitoringDirectory });

test('promtool finds the rules right', async () => {
  expect(await promtool('check', 'rules', 'rules.yaml')).toContain('SUCCESS');
});

test('each alert is raised when it must be, and is quiet when it must be', async () => {
  expect(await promtool('test', 'rules', 'rules.test.yaml')).toContain('SUCCESS');
});

const alerts = rules.filter(({ alert }) => alert !== undefined);

interface UnitTest {
  alert_rule_test?: { alertname: string; exp_alerts?: object[] }[];
}

test.each(alerts)(
  '$alert has a severity, words for people, and a unit test in which it is raised',
  (rule) => {
    expect(['critical', 'warning', 'info']).toContain(rule.labels?.severity);
    expect(Object.keys(rule.annotations ?? {})).toEqual(['summary', 'description', 'runbook_url']);
    const { tests } = monitoringFile<{ tests: UnitTest[] }>('rules.test.yaml');
    const raised = tests
      .flatMap(({ alert_rule_test }) => alert_rule_test ?? [])
      .filter(({ exp_alerts }) => (exp_alerts?.length ?? 0) > 0);
    expect(raised.map(({ alertname }) => alertname)).toContain(rule.alert);
  },
);

test('the PodMonitor is the one that an installation makes where it is asked to', () => {
  const options = { ...defaultOptions, image: 'registry.example/criteo-segment-export:1' };
  const [made] = monitoring({ ...options, monitoring: { ...options.monitoring, podMonitor: true } });
  const written = monitoringFile<{
    spec: { selector: { matchLabels: object }; podMetricsEndpoints: { port: string }[] };
  }>('podmonitor.yaml');
  expect(written).toEqual(made);
  const { template } = deployment(options).spec as {
    template: {
      metadata: { labels: object };
      spec: { containers: { ports: { name: string }[] }[] };
    };
  };
  expect(template.metadata.labels).toMatchObject(written.spec.selector.matchLabels);
  const ports = template.spec.containers.flatMap((container) => container.ports.map(({ name }) => name));
  for (const { port } of written.spec.podMetricsEndpoints) expect(ports).toContain(port);
});
