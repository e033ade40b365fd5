import type {
  CriteoSegmentExport,
  CriteoSegmentExportSpec,
} from '../../../api/generated/criteosegmentexport.ts';
import { segmentExport } from './objects.ts';

type Spec = CriteoSegmentExportSpec;

const uuid = '11111111-2222-4333-8444-555555555555';
const account = { serviceAccountName: 'crm-exports' };
const secret = { credentialsSecretRef: { name: 'reader' } };
const claim = { persistentVolumeClaim: { claimName: 'people' } };
const bucket = { region: 'eu-north-1', bucket: 'marketing-data' };
const container = { endpoint: 'https://marketing.blob.core.windows.net', container: 'segments' };
const database = { host: 'db.example.com', database: 'warehouse', ...secret };
const environment = { environmentUrl: 'https://contoso.crm4.dynamics.com', tenantId: uuid };

/** A definition of each source in each of its forms, as a user writes it: without defaults. */
const written: Record<string, { source: object; job?: object }> = {
  'file with a column of segments': {
    source: { file: { ...claim, path: 'people.csv', segmentField: 'segment' } },
  },
  'file of a directory': { source: { file: { ...claim, path: 'lists', format: 'NDJSON' } } },
  'file that is the newest': {
    source: {
      file: {
        ...claim,
        path: 'drops',
        newest: {},
        segmentField: 'segment',
        csv: { columns: ['email', 'segment'] },
      },
    },
  },
  's3 with keys': {
    source: {
      s3: {
        ...bucket,
        ...secret,
        endpoint: 'https://store.example',
        path: 'people.parquet',
        format: 'Parquet',
        segmentField: 'segment',
      },
    },
  },
  's3 with a role': {
    source: {
      s3: {
        ...bucket,
        path: 'lists/',
        newest: { marker: '_SUCCESS' },
        workloadIdentity: { roleARN: 'arn:aws:iam::123456789012:role/reader' },
      },
    },
    job: account,
  },
  'azureBlob with a SAS token': {
    source: {
      azureBlob: {
        ...container,
        ...secret,
        path: 'people.csv',
        csv: { delimiter: 'Pipe' },
        segmentField: 'segment',
      },
    },
  },
  'azureBlob of Customer Insights': {
    source: {
      azureBlob: {
        ...container,
        path: 'CustomerInsights_1/daily',
        layout: 'CustomerInsights',
        workloadIdentity: { tenantId: uuid, clientId: uuid },
      },
    },
    job: account,
  },
  'postgresql with a query': {
    source: {
      postgresql: {
        ...database,
        port: 6432,
        query: 'SELECT email, segment FROM people',
        segmentField: 'segment',
      },
    },
  },
  'postgresql with a table and a CA': {
    source: {
      postgresql: {
        ...database,
        table: 'marketing.people',
        caSecretRef: { name: 'warehouse-ca' },
        segmentField: 'segment',
        modifiedField: 'updated_at',
      },
    },
  },
  'customerInsights with a secret': { source: { customerInsights: { ...environment, ...secret } } },
  'customerInsights with an identity': {
    source: { customerInsights: { ...environment, workloadIdentity: { clientId: uuid } } },
    job: account,
  },
};

export const sourceTitles: readonly string[] = Object.keys(written);

/** The export of one of `sourceTitles`, with the defaults of its schema. */
export function exportFrom(title: string, changes: Partial<Spec> = {}): CriteoSegmentExport {
  const { source, job } = written[title] ?? {};
  return segmentExport({
    spec: { source: source as Spec['source'], ...(job ? { job: job as Spec['job'] } : {}), ...changes },
  });
}
