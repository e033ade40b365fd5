import { expect, test } from 'vitest';
import { parseRunDocument, type RunSource } from '../../api/rundocument.ts';
import { runDocumentOf } from './exportdocument.ts';
import { defaultSettings } from './settings.ts';
import { connection } from './testkit/objects.ts';
import { exportFrom, sourceTitles } from './testkit/sources.ts';

const uuid = '11111111-2222-4333-8444-555555555555';

/** What the exporter is told: the defaults of the field reference stand there, and no name of a Secret or claim. */
const expected: Record<string, RunSource> = {
  'file with a column of segments': {
    file: { path: 'people.csv', format: 'CSV', csv: { delimiter: 'Comma' }, segmentField: 'segment' },
  },
  'file of a directory': { file: { path: 'lists', format: 'NDJSON', csv: { delimiter: 'Comma' } } },
  'file that is the newest': {
    file: {
      path: 'drops',
      newest: { settleSeconds: 300 },
      format: 'CSV',
      csv: { delimiter: 'Comma', columns: ['email', 'segment'], encoding: 'UTF8' },
      segmentField: 'segment',
    },
  },
  's3 with keys': {
    s3: {
      endpoint: 'https://store.example',
      region: 'eu-north-1',
      bucket: 'marketing-data',
      path: 'people.parquet',
      format: 'Parquet',
      csv: { delimiter: 'Comma' },
      segmentField: 'segment',
    },
  },
  's3 with a role': {
    s3: {
      region: 'eu-north-1',
      bucket: 'marketing-data',
      path: 'lists/',
      newest: { marker: '_SUCCESS', settleSeconds: 300 },
      format: 'CSV',
      csv: { delimiter: 'Comma' },
      workloadIdentity: { roleARN: 'arn:aws:iam::123456789012:role/reader' },
    },
  },
  'azureBlob with a SAS token': {
    azureBlob: {
      endpoint: 'https://marketing.blob.core.windows.net',
      container: 'segments',
      path: 'people.csv',
      layout: 'Files',
      settleSeconds: 1800,
      authorityHost: 'https://login.microsoftonline.com',
      format: 'CSV',
      csv: { delimiter: 'Pipe', encoding: 'UTF8' },
      segmentField: 'segment',
    },
  },
  'azureBlob of Customer Insights': {
    azureBlob: {
      endpoint: 'https://marketing.blob.core.windows.net',
      container: 'segments',
      path: 'CustomerInsights_1/daily',
      layout: 'CustomerInsights',
      settleSeconds: 1800,
      workloadIdentity: { tenantId: uuid, clientId: uuid },
      authorityHost: 'https://login.microsoftonline.com',
      format: 'CSV',
      csv: { delimiter: 'Comma' },
    },
  },
  'postgresql with a query': {
    postgresql: {
      host: 'db.example.com',
      port: 6432,
      database: 'warehouse',
      query: 'SELECT email, segment FROM people',
      hasOwnCa: false,
      statementTimeoutSeconds: 600,
      segmentField: 'segment',
    },
  },
  'postgresql with a table and a CA': {
    postgresql: {
      host: 'db.example.com',
      port: 5432,
      database: 'warehouse',
      table: 'marketing.people',
      hasOwnCa: true,
      statementTimeoutSeconds: 600,
      segmentField: 'segment',
      modifiedField: 'updated_at',
    },
  },
  'customerInsights with a secret': { customerInsights: insights() },
  'customerInsights with an identity': {
    customerInsights: { ...insights(), workloadIdentity: { clientId: uuid } },
  },
};

function insights(): NonNullable<RunSource['customerInsights']> {
  return {
    environmentUrl: 'https://contoso.crm4.dynamics.com',
    tenantId: uuid,
    authorityHost: 'https://login.microsoftonline.com',
    profileTable: 'msdynci_customerprofile',
    profileKeyField: 'msdynci_customerid',
    membershipType: 'Customer',
    modifiedFrom: 'Memberships',
    parallelScans: 4,
  };
}

test.each(sourceTitles)('a run is told of a source: %s', (title) => {
  const run = runDocumentOf(
    { export: exportFrom(title), connection: connection(), claimExists: true },
    defaultSettings,
  );
  expect(run?.source).toEqual(expected[title]);
  expect(parseRunDocument(JSON.stringify(run))).toEqual(run);
});

test('a run is told whether its source may be on the pod itself or its node', () => {
  const input = { export: exportFrom('s3 with keys'), connection: connection(), claimExists: true };
  const allowedSourceEndpoints = ['https://store.example'];
  expect(runDocumentOf(input, { allowedSourceEndpoints })).toMatchObject({ allowLocalSource: true });
  expect(runDocumentOf(input, defaultSettings)).not.toHaveProperty('allowLocalSource');
});
