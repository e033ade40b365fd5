import * as pulumi from '@pulumi/pulumi';
import { describe, expect, test } from 'vitest';
import { criteoConnectionSchema, criteoSegmentExportSchema } from '../api/generated/schemas.ts';
import { validateConnection, validateExport } from '../api/validate.ts';
import { CriteoConnection } from './connection.ts';
import { CriteoCredentials } from './credentials.ts';
import { faultsOf } from './faults.ts';
import { CriteoSegmentExport, type CriteoSegmentExportArgs } from './segmentexport.ts';
import { registered, secretMark, unknownMark } from './testkit/registered.ts';

const metadata = { name: 'nordic', namespace: 'shop' };
const dataPrivacy = { agreed: true, agreedBy: 'Head of marketing', agreedOn: '2026-11-22' };
const connection = {
  credentialsSecretRef: { name: 'criteo-nordic' },
  dataPrivacy,
};
const source = { s3: { region: 'eu-north-1', bucket: 'data', path: 'people.csv', segmentField: 'segment' } };
const segmentExport = {
  connectionRef: { name: 'nordic' },
  match: { email: { field: 'email' } },
  source: { s3: { ...source.s3, credentialsSecretRef: { name: 'store' } } },
  segments: [{ name: 'readers' }],
};

describe('a connection and an export', () => {
  test('are registered as the API server has them, and no status is sent', async () => {
    const found = await registered(() => {
      const made = new CriteoConnection('nordic', { metadata, spec: connection });
      new CriteoSegmentExport('readers', {
        metadata: { ...metadata, annotations: { 'segmentexport.io/requestedAt': '2026-11-22T04:00:00Z' } },
        spec: { ...segmentExport, connectionRef: { name: made.metadata.name } },
      });
    });
    expect(found.map(({ inputs }) => inputs)).toEqual([
      { apiVersion: 'segmentexport.io/v1alpha1', kind: 'CriteoConnection', metadata, spec: connection },
      {
        apiVersion: 'segmentexport.io/v1alpha1',
        kind: 'CriteoSegmentExport',
        metadata: { ...metadata, annotations: { 'segmentexport.io/requestedAt': '2026-11-22T04:00:00Z' } },
        spec: segmentExport,
      },
    ]);
    expect(found.map(({ type }) => type)).toEqual([
      'kubernetes:segmentexport.io/v1alpha1:CriteoConnection',
      'kubernetes:segmentexport.io/v1alpha1:CriteoSegmentExport',
    ]);
  });

  test('come after what they refer to, and after what a program says', async () => {
    const found = await registered(() => {
      const secret = new CriteoCredentials('secret', { metadata, clientId: 'id', clientSecret: 'hush' });
      const made = new CriteoConnection('nordic', {
        metadata,
        spec: { dataPrivacy, credentialsSecretRef: { name: secret.metadata.name } },
      });
      new CriteoSegmentExport('readers', { metadata, spec: segmentExport }, { dependsOn: [made] });
    });
    const [secret, made, readers] = found;
    expect(made?.dependencies).toEqual([secret?.urn]);
    expect(readers?.dependencies).toEqual([made?.urn]);
  });

  test('an export has the hour that its segments at Criteo may need when it is deleted, unless a program says otherwise', async () => {
    const found = await registered(() => {
      new CriteoSegmentExport('one', { metadata, spec: segmentExport }, { customTimeouts: { create: '1m' } });
      new CriteoSegmentExport('two', { metadata, spec: segmentExport }, { customTimeouts: { delete: '5m' } });
    });
    expect(found.map(({ deleteTimeout }) => deleteTimeout)).toEqual(['70m', '5m']);
  });

  test('have a status from the start, for outputs of a stack', async () => {
    let status: unknown;
    await registered(() => {
      status = new CriteoSegmentExport('readers', { metadata, spec: segmentExport }).status;
    });
    expect(pulumi.Output.isInstance(status)).toBe(true);
  });
});

describe('a secret', () => {
  const isSecret = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && secretMark in value;

  test('in a spec is a secret in the state, and hides what is around it at most', async () => {
    const [found] = await registered(() => {
      new CriteoConnection('nordic', {
        metadata,
        spec: { ...connection, advertiserId: pulumi.secret('12345') },
      });
    });
    const spec = found?.inputs.spec as { advertiserId: unknown; dataPrivacy: unknown };
    expect(isSecret(spec.advertiserId)).toBe(true);
    expect(spec.dataPrivacy).toEqual(dataPrivacy);
  });

  test('is what the credentials are, though nobody marked them', async () => {
    const [found] = await registered(() => {
      new CriteoCredentials('secret', { metadata, clientId: 'id', clientSecret: 'hush' });
    });
    expect(isSecret(found?.inputs.stringData)).toBe(true);
    expect(found?.inputs.stringData).toMatchObject({ value: { clientId: 'id', clientSecret: 'hush' } });
    expect(found?.inputs.kind).toBe('Secret');
  });

  test('is in no message', () => {
    const kind = { kind: 'CriteoSegmentExport', validate: validateExport, schema: criteoSegmentExportSchema };
    const spec = {
      ...segmentExport,
      mode: 'hush',
      maxProfiles: 123456789,
      advertiserId: 'hush',
      segments: ['hush'],
    };
    const faults = faultsOf(kind, spec, true);
    expect(faults.map(({ field }) => field).sort()).toEqual([
      'spec.advertiserId',
      'spec.maxProfiles',
      'spec.mode',
      'spec.segments[0]',
    ]);
    expect(JSON.stringify(faults)).not.toMatch(/hush|123456789/);
    expect(faults).toContainEqual({
      field: 'spec.mode',
      message: 'must be one of Mirror, AddOnly, but is another value',
    });
  });
});

describe('what the schema refuses', () => {
  const exports = {
    kind: 'CriteoSegmentExport',
    validate: validateExport,
    schema: criteoSegmentExportSchema,
  };
  const connections = {
    kind: 'CriteoConnection',
    validate: validateConnection,
    schema: criteoConnectionSchema,
  };

  test('is refused with the name of the field', () => {
    const { match: _, ...withoutMatch } = segmentExport;
    const spec = { ...withoutMatch, shedule: { cron: '0 4 * * *' }, segments: [{ name: ' padded' }] };
    expect(faultsOf(exports, spec, false).map(({ field }) => field)).toEqual(
      expect.arrayContaining(['spec.match', 'spec.shedule', 'spec.segments[0].name']),
    );
    expect(faultsOf(connections, { dataPrivacy }, false)).toEqual([
      { field: 'spec.credentialsSecretRef', message: 'is missing, but required' },
    ]);
  });

  test('is no fault of what is not known yet, and still one of the rest', () => {
    const { unknown } = pulumi;
    const spec = {
      ...segmentExport,
      mode: 'Mirorr',
      advertiserId: unknown,
      source: { s3: { ...segmentExport.source.s3, bucket: unknown, region: unknown } },
      segments: [unknown, { name: unknown }],
    };
    expect(faultsOf(exports, spec, false).map(({ field }) => field)).toEqual(['spec.mode']);
    expect(faultsOf(exports, unknown, false)).toEqual([]);
  });
});

test('a preview shows what is known of a spec, and what is not as that field', async () => {
  const [found] = await registered(
    () => {
      const bucket = pulumi.output(pulumi.unknown as unknown as string);
      new CriteoSegmentExport('readers', {
        metadata,
        spec: { ...segmentExport, source: { s3: { ...segmentExport.source.s3, bucket } } },
      });
    },
    { preview: true },
  );
  expect(found?.inputs.spec).toEqual({
    ...segmentExport,
    source: { s3: { ...segmentExport.source.s3, bucket: unknownMark } },
  });
});

test('a wrong field does not compile', () => {
  const typed: CriteoSegmentExportArgs[] = [
    // Defaults may be left out, and an output stands anywhere.
    { spec: segmentExport },
    { spec: pulumi.output(segmentExport) },
    { spec: { ...segmentExport, segments: pulumi.output([{ name: 'readers' }]) } },
    { spec: { ...segmentExport, segments: [{ name: pulumi.secret('readers') }] } },
    // @ts-expect-error There is no such field.
    { spec: { ...segmentExport, shedule: { cron: '0 4 * * *' } } },
    // @ts-expect-error Nor one deep inside.
    { spec: { ...segmentExport, match: { email: { feild: 'email' } } } },
    // @ts-expect-error A segment has a name.
    { spec: { ...segmentExport, segments: [{ criteoName: 'Readers' }] } },
    // @ts-expect-error Neither Mirror nor AddOnly.
    { spec: { ...segmentExport, mode: 'Mirorr' } },
    // @ts-expect-error An output of another type.
    { spec: { ...segmentExport, maxProfiles: pulumi.output('many') } },
    // @ts-expect-error It is required.
    { spec: { match: segmentExport.match, source: segmentExport.source, segments: [] } },
  ];
  expect(typed).toHaveLength(10);
});
