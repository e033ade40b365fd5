import type { Pick } from './breaking.ts';
import type { Json } from './valid.ts';

/** Breaks what is beside the spec, for which Kubernetes itself, and not the schema, has rules; or the spec as a whole. */
export function breakOutside(object: Json, pick: Pick): string {
  return pick(...ways)(object, pick);
}

const manyParts = `${'a'.repeat(63)}.`.repeat(3) + 'a'.repeat(61);

const ways: ((object: Json, pick: Pick) => string)[] = [
  (object, pick) => {
    const names = [
      { name: 'Not A Name' },
      { name: 'a'.repeat(254) },
      { name: '\u202ea' },
      { name: 7 },
      'x',
      [],
    ];
    object.metadata = pick<unknown>(...names);
    return 'metadata.name';
  },
  (object, pick) => {
    const labels = [{ labels: { a: 7 } }, { labels: { 'a b': 'c' } }];
    const annotations = [{ annotations: { '': '' } }, { annotations: { a: {} } }];
    object.metadata = { name: 'generated', ...pick<object>(...labels, ...annotations) };
    return 'metadata.labels or annotations';
  },
  (object, pick) => {
    const name = pick('a'.repeat(253), manyParts);
    object.metadata = { name, labels: { l: 'x'.repeat(63) }, annotations: { note: '\u202e\u0000\ud800' } };
    return 'metadata at its bounds';
  },
  (object, pick) => {
    const statuses = [
      { observedGeneration: -2 },
      { conditions: [{}] },
      'x',
      { unknown: 1 },
      { observedGeneration: 3 },
    ];
    object.status = pick<unknown>(...statuses);
    return 'status';
  },
  (object, pick) => {
    object[pick('kind', 'apiVersion')] = pick<unknown>('CriteoThing', 'segmentexport.io/v1', '', 7, null);
    return 'kind or apiVersion';
  },
  (object, pick) => {
    const value = pick<unknown>(undefined, null, [], 'x', 7, {});
    if (value === undefined) delete object.spec;
    else object.spec = value;
    return 'spec as a whole';
  },
];
