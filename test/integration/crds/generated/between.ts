import type { Json } from './valid.ts';

type Pick = <T>(...choices: T[]) => T;
interface Spec extends Json {
  source: Record<string, Json | undefined>;
  segments: Json[];
  job?: Json;
}

/** Made anew each time: the next break may change them. */
const two = (): Json[] => [{ name: 'readers' }, { name: 'lapsed' }];

/** Breaks a rule between fields of an export. Undefined where the export has not what it takes. */
export function breakBetween(object: Json, pick: Pick): string | undefined {
  const spec = object.spec as Spec;
  if (!Array.isArray(spec?.segments) || typeof spec.source !== 'object' || spec.source === null)
    return undefined;
  const { file, s3, azureBlob, postgresql } = spec.source;
  const table = file ?? s3 ?? azureBlob;
  return pick<() => string | undefined>(
    () => {
      if (!table) return undefined;
      table.path = pick('people.csv', 'PEOPLE.PARQUET.ZST', 'a/b.ndjson');
      delete table.segmentField;
      spec.segments = two();
      return 'one file and two segments';
    },
    () => {
      if (!table) return undefined;
      Object.assign(table, { csv: {}, format: pick('NDJSON', 'Parquet') });
      return 'csv beside another format';
    },
    () => {
      if (!azureBlob) return undefined;
      Object.assign(azureBlob, { layout: 'CustomerInsights', segmentField: 'segment' });
      return 'a layout that tells the format itself';
    },
    () => {
      if (!file) return undefined;
      delete file.segmentField;
      file.path = 'exports';
      spec.segments = [{ name: pick('.hidden', 'a/b', '../a') }];
      return 'a segment that is no name of a file';
    },
    () => {
      if (!postgresql) return undefined;
      for (const name of ['segmentField', 'modifiedField']) delete postgresql[name];
      Object.assign(spec, { segments: two(), maxSourceAgeSeconds: 3600 });
      return 'a database without the columns that are needed';
    },
    () => {
      if (spec.job?.serviceAccountName === undefined) return undefined;
      delete spec.job.serviceAccountName;
      return 'an identity without a service account';
    },
    () => {
      const name = pick('cpu', 'memory', 'ephemeral-storage');
      spec.job = { ...spec.job, resources: { requests: { [name]: '3' }, limits: { [name]: 2 } } };
      return `more ${name} than is allowed`;
    },
    () => {
      const [segment] = spec.segments;
      spec.segments = [
        segment ?? {},
        { name: 'another', criteoName: String(segment?.criteoName ?? segment?.name).toUpperCase() },
      ];
      return 'the same name at Criteo twice';
    },
  )();
}
