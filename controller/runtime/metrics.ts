export type Labels = Record<string, string>;

export interface Counter {
  inc(labels?: Labels, by?: number): void;
  /** Forgets one series: what it counted is gone, and would be exposed for ever. */
  remove(labels: Labels): void;
  /** Forgets all series. */
  clear(): void;
}

export interface Gauge {
  set(value: number, labels?: Labels): void;
  inc(labels?: Labels, by?: number): void;
  /** These series and no others. */
  replace(samples: Iterable<Sample>): void;
}

export interface Sample {
  labels: Labels;
  value: number;
}

export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

type Type = 'counter' | 'gauge' | 'histogram';

/** What a metric is, whatever it shows now. */
export interface Family {
  name: string;
  help: string;
  type: Type;
  labels: readonly string[];
}

const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Metrics and their text exposition, version 0.0.4, as Prometheus reads it. */
export class Registry {
  readonly #metrics = new Map<string, Metric>();
  readonly #onScrape = new Set<() => void>();

  /** The same name twice gives the same metric, so that two queues can share `workqueue_depth`. */
  counter(name: string, help: string, labels: string[] = []): Counter {
    return this.#register(name, () => new Metric(name, help, 'counter', labels));
  }

  gauge(name: string, help: string, labels: string[] = []): Gauge {
    return this.#register(name, () => new Metric(name, help, 'gauge', labels));
  }

  histogram(
    name: string,
    help: string,
    labels: string[] = [],
    buckets: number[] = DEFAULT_BUCKETS,
  ): Histogram {
    return this.#register(name, () => new Metric(name, help, 'histogram', labels, buckets));
  }

  /** Calls `update` before each exposition, for gauges that only matter then. Returns how to end that. */
  onScrape(update: () => void): () => void {
    this.#onScrape.add(update);
    return () => this.#onScrape.delete(update);
  }

  /** All metrics that were asked for, in that order. */
  families(): Family[] {
    return [...this.#metrics.values()].map(({ family }) => family);
  }

  expose(): string {
    for (const update of this.#onScrape) update();
    return [...this.#metrics.values()].map((metric) => metric.expose()).join('');
  }

  #register(name: string, create: () => Metric): Metric {
    const known = this.#metrics.get(name) ?? create();
    this.#metrics.set(name, known);
    return known;
  }
}

interface Series {
  labels: Labels;
  /** As exposed; it is also what tells series apart. */
  text: string;
  value: number;
  /** One count a bucket, not cumulated; the last is +Inf. */
  counts: number[];
}

class Metric implements Counter, Gauge, Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #type: Type;
  readonly #labels: string[];
  readonly #buckets: number[];
  readonly #series = new Map<string, Series>();

  constructor(name: string, help: string, type: Type, labels: string[], buckets: number[] = []) {
    this.#name = name;
    this.#help = help;
    this.#type = type;
    this.#labels = labels;
    this.#buckets = buckets;
    // A metric without labels is there from the start: alerts need the 0 before the 1.
    if (labels.length === 0) this.#at({});
  }

  get family(): Family {
    return { name: this.#name, help: this.#help, type: this.#type, labels: this.#labels };
  }

  inc(labels: Labels = {}, by = 1): void {
    this.#at(labels).value += by;
  }

  set(value: number, labels: Labels = {}): void {
    this.#at(labels).value = value;
  }

  replace(samples: Iterable<Sample>): void {
    this.clear();
    for (const { labels, value } of samples) this.set(value, labels);
  }

  remove(labels: Labels): void {
    this.#series.delete(labelText(this.#declared(labels)));
  }

  clear(): void {
    this.#series.clear();
  }

  observe(value: number, labels: Labels = {}): void {
    const series = this.#at(labels);
    series.value += value;
    const bucket = this.#buckets.findIndex((bound) => value <= bound);
    const index = bucket < 0 ? this.#buckets.length : bucket;
    series.counts[index] = (series.counts[index] ?? 0) + 1;
  }

  expose(): string {
    const lines = [`# HELP ${this.#name} ${escaped(this.#help)}`, `# TYPE ${this.#name} ${this.#type}`];
    for (const series of this.#series.values()) {
      if (this.#type === 'histogram') lines.push(...this.#histogramLines(series));
      else lines.push(`${this.#name}${series.text} ${series.value}`);
    }
    return `${lines.join('\n')}\n`;
  }

  #histogramLines({ labels, text, value, counts }: Series): string[] {
    let total = 0;
    const buckets = [...this.#buckets, '+Inf'].map((bound, index) => {
      total += counts[index] ?? 0;
      return `${this.#name}_bucket${labelText({ ...labels, le: String(bound) })} ${total}`;
    });
    return [...buckets, `${this.#name}_sum${text} ${value}`, `${this.#name}_count${text} ${total}`];
  }

  #at(given: Labels): Series {
    const labels = this.#declared(given);
    const text = labelText(labels);
    const known = this.#series.get(text) ?? { labels, text, value: 0, counts: [] };
    this.#series.set(text, known);
    return known;
  }

  #declared(given: Labels): Labels {
    return Object.fromEntries(this.#labels.map((label) => [label, given[label] ?? '']));
  }
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
