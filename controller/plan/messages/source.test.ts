import { describe, expect, test } from 'vitest';
import { type RunReason, runReasons } from '../../../api/reasons.ts';
import type { ReportDetails } from '../../../api/report.ts';
import { exportTemplate } from '../exporttemplate.ts';
import { documentOf } from '../jobdocument.ts';
import type { Job } from '../kubernetes.ts';
import { runContext } from '../runcontext.ts';
import { connection, settings } from '../testkit/objects.ts';
import { exportFrom, sourceTitles } from '../testkit/sources.ts';
import { type MessageContext, messageFor } from './index.ts';

const reasons = (Object.keys(runReasons) as RunReason[]).filter((reason) =>
  /^(Source|Segment|Field|Consent|TooMany)/.test(reason),
);

/** What the messages about a run of the export know: what its Job itself was told. */
function contextOf(title: string, changes: object = {}): MessageContext {
  const definition = exportFrom(title, {
    consent: { field: 'optIn', isTrue: true },
    maxSourceAgeSeconds: 90_000,
    ...changes,
  });
  const template = exportTemplate(
    { export: definition, connection: connection(), claimExists: true },
    settings,
  );
  if (!template) throw new Error('the definition has no template');
  const job: Job = { metadata: { name: 'run-1' }, spec: template.spec };
  return {
    ...runContext(documentOf(job), job, connection()),
    segment: { name: 'lapsed', criteoName: 'Lapsed 2026' },
  };
}

const someDetails: ReportDetails[] = [
  {},
  { status: 403, code: 'access-denied', line: 3, count: 900, total: 1000, fieldIndex: 0, delimiter: 'Tab' },
  ...(['Segment', 'Consent', 'Modified', 'ProfileKey'] as const).map((column) => ({ column })),
  { key: 'clientSecret', writtenAt: Date.UTC(2026, 10, 22, 3) },
  { writtenAt: Number.MAX_SAFE_INTEGER, fieldIndex: 5 },
];

describe.each(sourceTitles)('a message about %s', (title) => {
  const context = contextOf(title);
  const kind = title.split(' ')[0];

  test.each(reasons)('for %s is a sentence without holes', (reason) => {
    for (const details of someDetails) {
      const message = messageFor(reason, details, context);
      expect(message).toMatch(/^[A-Z"s0-9].*\.$/);
      expect(message).not.toMatch(/undefined|""|\bNaN\b|\s{2}|\[object|\.\.|;[^ ]/);
      expect(message.length).toBeLessThan(700);
    }
  });

  test.each(reasons.filter((reason) => reason.startsWith('Source')))(
    'for %s names a field, and what to do',
    (reason) => {
      const message = messageFor(reason, {}, context);
      expect(message).toMatch(
        new RegExp(`spec\\.(source\\.${kind}\\b|maxSourceAgeSeconds|schedule\\.cron)|volume if`),
      );
      expect(message).toMatch(/; |\. If it lasts, |\. See |\. Check /);
      for (const other of ['file', 's3', 'azureBlob', 'postgresql', 'customerInsights']) {
        if (other !== kind) expect(message).not.toContain(`spec.source.${other}`);
      }
    },
  );
});

test('without a document that can be read, there is still a sentence', () => {
  const context = { secretName: 'criteo-nordic', apiVersion: '2026-07' };
  for (const reason of reasons.filter((name) => name.startsWith('Source'))) {
    for (const details of someDetails) {
      const message = messageFor(reason, details, context);
      expect(message).toMatch(/^[A-Z"s0-9].*\.$/);
      expect(message).not.toMatch(/undefined|""|\bNaN\b|\s{2}/);
    }
  }
});

describe('it says', () => {
  test.each<[string, RunReason, ReportDetails, string]>([
    [
      's3 with keys',
      'SourceNotFound',
      {},
      'spec.source.s3.path: the object "people.parquet" in the bucket "marketing-data" at https://store.example is not there, or there is no such bucket; put it there, or name the right region, bucket and path.',
    ],
    [
      's3 with a role',
      'SourceNotFound',
      {},
      'spec.source.s3.path: the newest of what is below "lists/" in the bucket "marketing-data" of AWS in eu-north-1 is not there',
    ],
    [
      's3 with keys',
      'SourceSecretMissing',
      { key: 'secretAccessKey' },
      'spec.source.s3.credentialsSecretRef: the Secret "reader" has no key secretAccessKey, or it is empty; it needs the keys accessKeyId and secretAccessKey',
    ],
    [
      'azureBlob with a SAS token',
      'SourceSecretMissing',
      {},
      'the Secret "reader" is not in this namespace; it needs the key sasToken, or accountKey, or the keys tenantId, clientId and clientSecret.',
    ],
    [
      's3 with a role',
      'SourceCredentialsRefused',
      { status: 403, code: 'access-denied' },
      'spec.source.s3.workloadIdentity: AWS does not let the service account "crm-exports" assume the role arn:aws:iam::123456789012:role/reader (HTTP 403, code access-denied); its trust policy must name the issuer of this cluster\'s tokens, the audience sts.amazonaws.com and the subject system:serviceaccount:shop:crm-exports.',
    ],
    [
      'customerInsights with an identity',
      'SourceCredentialsRefused',
      { status: 400, code: 'aadsts70021' },
      'spec.source.customerInsights.workloadIdentity: Microsoft Entra does not take the service account "crm-exports" for the identity 11111111-2222-4333-8444-555555555555 (HTTP 400, code aadsts70021); give that a federated credential',
    ],
    [
      'azureBlob of Customer Insights',
      'SourceCredentialsRefused',
      { code: 'no-identity-token' },
      'the pod has no token of the service account "crm-exports"',
    ],
    [
      'postgresql with a query',
      'SourceQueryRefused',
      { code: 'sqlstate-42p01' },
      'spec.source.postgresql.query: the database "warehouse" at db.example.com (port 6432) refused the statement (SQLSTATE 42P01); try it there',
    ],
    [
      'postgresql with a table and a CA',
      'SourceTimedOut',
      {},
      'spec.source.postgresql.statementTimeoutSeconds: the table "marketing.people" of the database "warehouse" at db.example.com took longer than 600 seconds; raise it',
    ],
    [
      'postgresql with a table and a CA',
      'SourceTlsNotTrusted',
      {},
      'spec.source.postgresql.caSecretRef: the certificate of the database "warehouse" at db.example.com is of none of the authorities in the Secret "warehouse-ca"',
    ],
    [
      'postgresql with a query',
      'SourceTlsNotTrusted',
      {},
      'name a Secret whose key ca.crt holds the certificate of its authority',
    ],
    ['s3 with keys', 'SourceTlsNotTrusted', {}, '--ca-bundle-configmap'],
    [
      'file that is the newest',
      'SourceStale',
      { writtenAt: Date.UTC(2026, 10, 20, 3, 12) },
      'spec.maxSourceAgeSeconds: the data of the segment "lapsed" was last written at 2026-11-20T03:12:00Z, longer ago than 90000 seconds; nothing was sent for it. See that what writes it still runs, or raise the limit.',
    ],
    [
      'customerInsights with a secret',
      'SourceStale',
      {},
      'it deactivates segments that nothing of its own uses',
    ],
    [
      'postgresql with a query',
      'SourceAgeUnknown',
      {},
      "name a column with the time of each row's last change in spec.source.postgresql.modifiedField",
    ],
    [
      'file that is the newest',
      'SourceIncomplete',
      {},
      'spec.source.file.newest: of "drops" in the claim "people" nothing is complete: nothing is there, or it was written to within the last 300 seconds; wait, or lower settleSeconds.',
    ],
    ['s3 with a role', 'SourceIncomplete', {}, 'nothing is there that has the marker "_SUCCESS" beside it'],
    [
      'azureBlob of Customer Insights',
      'SourceIncomplete',
      {},
      'spec.source.azureBlob.settleSeconds: what is there for the segment "lapsed" in the export of Customer Insights "CustomerInsights_1/daily" in the container "segments" at https://marketing.blob.core.windows.net has no folder to which nothing was written for 1800 seconds',
    ],
    [
      'file with a column of segments',
      'TooManyRowFaults',
      { count: 900, total: 1000 },
      'spec.rowFaultGuard.maxPercent: 900 of 1000 rows of the segment "lapsed" are malformed or have an invalid address, more than the 50 percent that it allows; nothing was sent for it.',
    ],
    [
      'postgresql with a table and a CA',
      'FieldNotText',
      { column: 'Modified' },
      'spec.source.postgresql.modifiedField: the column "updated_at" of the table "marketing.people" of the database "warehouse" at db.example.com does not hold what can be read as a time; name one of type timestamp or date.',
    ],
    [
      'customerInsights with a secret',
      'FieldNotFound',
      { column: 'ProfileKey' },
      'spec.source.customerInsights.profileKeyField: no column is named "msdynci_customerid"; the table "msdynci_customerprofile" of the environment https://contoso.crm4.dynamics.com must have it, by its logical name.',
    ],
    [
      's3 with keys',
      'FieldAmbiguous',
      { column: 'Consent' },
      'spec.consent.field: two columns of the object',
    ],
    [
      'file that is the newest',
      'FieldNotFound',
      {},
      'spec.match.email: no column is named "email"; spec.source.file.csv.columns must have it, spelled as here.',
    ],
    [
      'customerInsights with a secret',
      'SegmentNotFound',
      {},
      'spec.segments: the environment https://contoso.crm4.dynamics.com has nobody in a segment with the output table name "lapsed"',
    ],
    [
      'file of a directory',
      'SegmentNotFound',
      {},
      '"lists" in the claim "people" has no file "lapsed.ndjson"',
    ],
    ['azureBlob of Customer Insights', 'SegmentNotFound', {}, 'has no table "lapsed"'],
    ['postgresql with a query', 'SegmentNotFound', {}, 'no row has "lapsed" in the column "segment"'],
  ])('of %s, %s', (title, reason, details, words) => {
    expect(messageFor(reason, details, contextOf(title))).toContain(words);
  });

  test.each([
    ['s3 with keys', 'SourceNotFound', 'wrong-region', 'path. The bucket is in another region than'],
    ['azureBlob with a SAS token', 'SourceForbidden', 'sas-of-another-service', 'for the service Blob.'],
    ['postgresql with a query', 'SourceTlsNotTrusted', 'no-tls', 'The server does not speak TLS'],
    ['customerInsights with a secret', 'SegmentNotFound', 'letter-case', 'upper and lower case alone.'],
    ['postgresql with a query', 'FieldNotText', 'bytea', 'the column "email", of the type bytea, of'],
  ] as const)('of %s, %s with the code %s, what it means', (title, reason, code, words) => {
    expect(messageFor(reason, { code }, contextOf(title))).toContain(words);
  });

  test.each([
    ['s3 with keys', /^spec\.source\.s3\.endpoint: .* name another host, or have the endpoint allowed/],
    ['postgresql with a query', /^spec\.source\.postgresql\.host: .* name another host/],
  ])('of %s, where it leads to the pod itself, the endpoint and no right', (title, words) => {
    const message = messageFor('SourceForbidden', { code: 'local-address' }, contextOf(title));
    expect(message).toMatch(words);
    expect(message).not.toMatch(/rights?\b/);
  });

  test('nothing more of a code that is another’s, such as one that an object has by nature', () => {
    const message = messageFor('SourceForbidden', { code: 'constructor' }, contextOf('s3 with keys'));
    expect(message).toMatch(/yours\.$/);
  });

  test('nothing of a segment where the whole run is stopped', () => {
    const { segment: _, ...run } = contextOf('s3 with keys');
    const message = messageFor('TooManyRowFaults', { count: 9, total: 10 }, run);
    expect(message).toContain('9 of 10 rows are malformed');
    expect(message).toContain('nothing was sent. Check');
  });
});
