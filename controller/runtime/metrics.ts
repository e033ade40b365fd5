export type Labels = Record<string, string>;

export interface Counter {
  inc(labels?: Labels, by?: number): void;
}

export interface Gauge {
  set(value: number, labels?: Labels): void;
  inc(labels?: Labels, by?: number): void;
}

export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

type Type = 'counter' | 'gauge' | 'histogram';

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

  inc(labels: Labels = {}, by = 1): void {
    this.#at(labels).value += by;
  }

  set(value: number, labels: Labels = {}): void {
    this.#at(labels).value = value;
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
      else lines.push(`${this.#name}${labelText(series.labels)} ${series.value}`);
    }
    return `${lines.join('\n')}\n`;
  }

  #histogramLines({ labels, value, counts }: Series): string[] {
    let total = 0;
    const buckets = [...this.#buckets, '+Inf'].map((bound, index) => {
      total += counts[index] ?? 0;
      return `${this.#name}_bucket${labelText({ ...labels, le: String(bound) })} ${total}`;
    });
    return [
      ...buckets,
      `${this.#name}_sum${labelText(labels)} ${value}`,
      `${this.#name}_count${labelText(labels)} ${total}`,
    ];
  }

  #at(given: Labels): Series {
    const labels = Object.fromEntries(this.#labels.map((label) => [label, given[label] ?? '']));
    const key = JSON.stringify(labels);
    const known = this.#series.get(key) ?? { labels, value: 0, counts: [] };
    this.#series.set(key, known);
    return known;
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
