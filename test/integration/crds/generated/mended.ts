import type { Json } from './valid.ts';

const oneFile = /[.](csv|tsv|txt|json|ndjson|jsonl|parquet)([.](gz|zst))?$/i;

/** The spec with what the rules between its fields ask for: a generator sees one field at a time. */
export function mended(spec: Json): Json {
  if (!spec.source) return spec;
  const { source, segments, job } = structuredClone(spec) as { source: Json; segments: Json[]; job?: Json };
  const { file, s3, azureBlob, postgresql, customerInsights } = source as Record<string, Json | undefined>;
  segments.forEach((segment, index) => {
    // Whatever the name is, its end makes it differ from the others'.
    segment.criteoName = `${String(segment.criteoName ?? segment.name)
      .slice(0, 90)
      .toWellFormed()}${index}`;
  });
  if (azureBlob?.layout === 'CustomerInsights') {
    for (const name of ['format', 'csv', 'newest', 'segmentField']) delete azureBlob[name];
    azureBlob.path = 'CustomerInsights_1/nightly';
  }
  for (const table of [file, s3, azureBlob]) {
    if (!table) continue;
    if (table.csv !== undefined) delete table.format;
    if (segments.length > 1 && oneFile.test(String(table.path))) table.segmentField = 'segment';
  }
  if (file && segments.some(({ name }) => !/^[^/.][^/]*$/.test(String(name)))) file.segmentField = 'segment';
  if (postgresql && segments.length > 1) postgresql.segmentField = 'segment';
  if (postgresql && spec.maxSourceAgeSeconds !== undefined) postgresql.modifiedField = 'updated_at';
  const borrows = [s3, azureBlob, customerInsights].some((table) => table?.workloadIdentity !== undefined);
  return {
    ...spec,
    source,
    segments,
    ...(borrows ? { job: { ...job, serviceAccountName: 'crm-exports' } } : {}),
  };
}
