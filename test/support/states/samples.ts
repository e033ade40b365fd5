/** One series of a /metrics page. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const line = /^(\w+)(?:\{(.*)\})? (\S+)$/;
const label = /(\w+)="([^"\\]*)"/g;

/** The series of a page in Prometheus' text format, whose labels hold nothing that is escaped. */
export function samplesOf(page: string): Sample[] {
  return page.split('\n').flatMap((text) => {
    const [, name = '', labels = '', value = ''] = line.exec(text) ?? [];
    if (name === '') return [];
    const pairs = [...labels.matchAll(label)].map(([, key = '', word = '']) => [key, word]);
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}
