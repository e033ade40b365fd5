import type { CriteoSegmentExportSpec } from '../../api/generated/criteosegmentexport.ts';
import type {
  AzureBlobSource,
  CsvOptions,
  CustomerInsightsSource,
  PostgresqlSource,
  RunSource,
  S3Source,
  TableFiles,
} from '../../api/rundocument.ts';
import { defined } from './fields.ts';

type SourceSpec = CriteoSegmentExportSpec['source'];
type Spec<Kind extends keyof SourceSpec> = NonNullable<SourceSpec[Kind]>;

/** What the run document says of the source; undefined where the definition has none. Names of Secrets and claims stay out: the pod has them mounted. */
export function runSourceOf(spec: SourceSpec): RunSource | undefined {
  if (spec.file) return { file: tableFiles(spec.file) };
  if (spec.s3) return { s3: s3Source(spec.s3) };
  if (spec.azureBlob) return { azureBlob: azureBlobSource(spec.azureBlob) };
  if (spec.postgresql) return { postgresql: postgresqlSource(spec.postgresql) };
  if (spec.customerInsights) return { customerInsights: customerInsightsSource(spec.customerInsights) };
  return undefined;
}

function tableFiles({
  path,
  newest,
  format,
  csv,
  segmentField,
}: Spec<'file'> | Spec<'s3'> | Spec<'azureBlob'>): TableFiles {
  return {
    path,
    ...(newest
      ? { newest: { ...defined({ marker: newest.marker }), settleSeconds: newest.settleSeconds } }
      : {}),
    format,
    csv: csvOptions(csv),
    ...defined({ segmentField }),
  };
}

/** A definition without `csv` has the defaults of the field reference. */
function csvOptions(csv: Spec<'file'>['csv']): CsvOptions {
  if (!csv) return { delimiter: 'Comma' };
  const { delimiter, columns, encoding } = csv;
  return { delimiter, ...(columns ? { columns: [...columns] } : {}), encoding };
}

function s3Source(spec: Spec<'s3'>): S3Source {
  const { endpoint, region, bucket, workloadIdentity } = spec;
  return {
    ...defined({ endpoint }),
    region,
    bucket,
    ...(workloadIdentity ? { workloadIdentity: { roleARN: workloadIdentity.roleARN } } : {}),
    ...tableFiles(spec),
  };
}

function azureBlobSource(spec: Spec<'azureBlob'>): AzureBlobSource {
  const { endpoint, container, layout, settleSeconds, workloadIdentity, authorityHost } = spec;
  return {
    endpoint,
    container,
    layout,
    settleSeconds,
    ...(workloadIdentity
      ? { workloadIdentity: { tenantId: workloadIdentity.tenantId, clientId: workloadIdentity.clientId } }
      : {}),
    authorityHost,
    ...tableFiles(spec),
  };
}

function postgresqlSource(spec: Spec<'postgresql'>): PostgresqlSource {
  const { host, port, database, query, table, statementTimeoutSeconds, segmentField, modifiedField } = spec;
  return {
    host,
    port,
    database,
    ...defined({ query, table }),
    hasOwnCa: spec.caSecretRef !== undefined,
    statementTimeoutSeconds,
    ...defined({ segmentField, modifiedField }),
  };
}

function customerInsightsSource(spec: Spec<'customerInsights'>): CustomerInsightsSource {
  const { environmentUrl, tenantId, workloadIdentity, authorityHost } = spec;
  const { profileTable, profileKeyField, membershipType, modifiedFrom, parallelScans } = spec;
  return {
    environmentUrl,
    tenantId,
    ...(workloadIdentity ? { workloadIdentity: { clientId: workloadIdentity.clientId } } : {}),
    authorityHost,
    profileTable,
    profileKeyField,
    membershipType,
    modifiedFrom,
    parallelScans,
  };
}
