import { expect, test } from 'vitest';
import { Registry } from './metrics.ts';

test('the text is as Prometheus reads it', () => {
  const registry = new Registry();
  registry.counter('jobs_total', 'Jobs made.', ['result']).inc({ result: 'a "quoted" \\ one\n' }, 2);
  registry.gauge('depth', 'Keys.').set(3);
  const histogram = registry.histogram('seconds', 'Time.', ['name'], [0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) histogram.observe(value, { name: 'q' });
  expect(registry.expose()).toBe(`# HELP jobs_total Jobs made.
# TYPE jobs_total counter
jobs_total{result="a \\"quoted\\" \\\\ one\\n"} 2
# HELP depth Keys.
# TYPE depth gauge
depth 3
# HELP seconds Time.
# TYPE seconds histogram
seconds_bucket{name="q",le="0.1"} 2
seconds_bucket{name="q",le="1"} 3
seconds_bucket{name="q",le="+Inf"} 4
seconds_sum{name="q"} 7.65
seconds_count{name="q"} 4
`);
});

test('asking for a metric twice gives the same one', () => {
  const registry = new Registry();
  registry.counter('n_total', 'N.').inc();
  registry.counter('n_total', 'N.').inc();
  expect(registry.expose()).toContain('n_total 2\n');
});

test('a label that nobody declared is left out', () => {
  const registry = new Registry();
  registry.counter('n_total', 'N.', ['a']).inc({ a: '1', secret: 'x' });
  expect(registry.expose()).toContain('n_total{a="1"} 1\n');
});

test('what is set at a scrape is fresh, until it is ended', () => {
  const registry = new Registry();
  const gauge = registry.gauge('age', 'Age.');
  let age = 1;
  const end = registry.onScrape(() => gauge.set(age));
  expect(registry.expose()).toContain('age 1\n');
  age = 2;
  expect(registry.expose()).toContain('age 2\n');
  end();
  age = 3;
  expect(registry.expose()).toContain('age 2\n');
});

test('series that are replaced leave none of those before', () => {
  const registry = new Registry();
  const gauge = registry.gauge('condition', 'C.', ['status']);
  gauge.replace([{ labels: { status: 'True' }, value: 1 }]);
  gauge.replace([{ labels: { status: 'False' }, value: 1 }]);
  expect(registry.expose()).toBe(
    '# HELP condition C.\n# TYPE condition gauge\ncondition{status="False"} 1\n',
  );
});

test('a series that is removed is gone, and the others stay, until all are cleared', () => {
  const registry = new Registry();
  const counter = registry.counter('n_total', 'N.', ['a', 'b']);
  for (const a of ['1', '2']) counter.inc({ a, b: 'x' });
  counter.remove({ b: 'x', a: '1' });
  expect(registry.expose()).toContain('\nn_total{a="2",b="x"} 1\n');
  expect(registry.expose()).not.toContain('a="1"');
  counter.clear();
  expect(registry.expose()).not.toContain('n_total{');
});

test('tells which metrics there are, whatever they show', () => {
  const registry = new Registry();
  registry.counter('n_total', 'N.', ['a']);
  expect(registry.families()).toEqual([{ name: 'n_total', help: 'N.', type: 'counter', labels: ['a'] }]);
});
