import { describe, expect, it } from 'vitest';
import { validateConnection, validateExport } from './validate.ts';

const connection = {
  apiVersion: 'segmentexport.io/v1alpha1',
  kind: 'CriteoConnection',
  metadata: { name: 'nordic' },
  spec: {
    credentialsSecretRef: { name: 'criteo-nordic' },
    dataPrivacy: { agreed: true, agreedBy: 'Head of marketing', agreedOn: '2026-11-22' },
  },
};

const segmentExport = {
  apiVersion: 'segmentexport.io/v1alpha1',
  kind: 'CriteoSegmentExport',
  metadata: { name: 'newsletter' },
  spec: {
    connectionRef: { name: 'nordic' },
    match: { email: { field: 'email' } },
    source: { file: { persistentVolumeClaim: { claimName: 'data' }, path: 'people.csv' } },
    segments: [{ name: 'high-value' }],
  },
};

/** What is found wrong with a connection whose spec has these fields besides. */
function faultsOfConnection(spec: Record<string, unknown>): string[] {
  return faults(validateConnection({ ...connection, spec: { ...connection.spec, ...spec } }));
}

function faultsOfExport(spec: Record<string, unknown>): string[] {
  return faults(validateExport({ ...segmentExport, spec: { ...segmentExport.spec, ...spec } }));
}

function faults(result: ReturnType<typeof validateConnection | typeof validateExport>): string[] {
  return result.ok ? [] : result.errors.map(({ field, message }) => `${field} ${message}`);
}

describe('a valid object', () => {
  it('gets the defaults of the API server', () => {
    const result = validateConnection(connection);
    expect(result.ok && result.value.spec).toEqual({
      ...connection.spec,
      requireConsent: false,
      api: { baseUrl: 'https://api.criteo.com', version: '2026-07' },
      maxProfiles: 1_000_000,
      suspend: false,
    });
    expect(result.ok && result.value.status).toEqual({ observedGeneration: -1 });
  });

  it('gets the defaults of its source', () => {
    const tenantId = '00000000-0000-0000-0000-000000000000';
    const credentialsSecretRef = { name: 'reader' };
    const sources = {
      file: { persistentVolumeClaim: { claimName: 'data' }, path: 'drops', newest: {}, csv: {} },
      customerInsights: {
        environmentUrl: 'https://contoso.crm4.dynamics.com',
        tenantId,
        credentialsSecretRef,
      },
      postgresql: { host: 'db.example', database: 'crm', table: 'people', credentialsSecretRef },
    };
    const filled = Object.entries(sources).map(([kind, source]) => {
      const result = validateExport({
        ...segmentExport,
        spec: { ...segmentExport.spec, source: { [kind]: source } },
      });
      return result.ok && result.value.spec.source;
    });
    expect(filled).toMatchObject([
      { file: { newest: { settleSeconds: 300 }, csv: { delimiter: 'Comma', encoding: 'UTF8' } } },
      {
        customerInsights: {
          authorityHost: 'https://login.microsoftonline.com',
          profileTable: 'msdynci_customerprofile',
          profileKeyField: 'msdynci_customerid',
          membershipType: 'Customer',
          modifiedFrom: 'Memberships',
          parallelScans: 4,
        },
      },
      { postgresql: { port: 5432, statementTimeoutSeconds: 600 } },
    ]);
  });

  it('gets defaults inside lists and optional parts', () => {
    const schedule = { cron: '0 4 * * *' };
    const result = validateExport({ ...segmentExport, spec: { ...segmentExport.spec, schedule } });
    expect(result.ok && result.value.spec).toMatchObject({
      segments: [{ name: 'high-value', existing: 'Refuse' }],
      source: { file: { format: 'CSV' } },
      schedule: { timeZone: 'Etc/UTC', jitterSeconds: 0, startingDeadlineSeconds: 3600 },
      deletionPolicy: 'Retain',
      job: { activeDeadlineSeconds: 14_400 },
    });
    expect(result.ok && result.value.spec.removalGuard).toBeUndefined();
  });

  it('is not changed', () => {
    const before = structuredClone(segmentExport);
    validateExport(segmentExport);
    expect(segmentExport).toEqual(before);
  });

  it('may hold what is not supported yet: that is for the controller to say', () => {
    expect(faultsOfExport({ mode: 'Mirror', consent: { field: 'optIn', isTrue: true } })).toEqual([]);
  });
});

describe('a fault', () => {
  it('names a field that is missing', () => {
    const { dataPrivacy: _, ...spec } = connection.spec;
    expect(faults(validateConnection({ ...connection, spec }))).toEqual([
      'spec.dataPrivacy is missing, but required',
    ]);
  });

  it.each([
    [{ advertiserId: 12345 }, 'spec.advertiserId must be a string, but is a number: put it in quotes'],
    [{ suspend: 'yes' }, 'spec.suspend must be a boolean, but is a string'],
    [{ maxProfiles: 0 }, 'spec.maxProfiles must be at least 1, but is 0'],
    [{ maxProfiles: 2_000_000 }, 'spec.maxProfiles must be at most 1000000, but is 2000000'],
    [{ maxProfiles: 1.5 }, 'spec.maxProfiles must be an integer, but is a number'],
    [{ displayName: '' }, 'spec.displayName must have at least 1 character, but has 0'],
    [{ displayName: 'ø'.repeat(101) }, 'spec.displayName must have at most 100 characters, but has 101'],
    [
      { advertiserId: '12a' },
      `spec.advertiserId must be the advertiser's number at Criteo, 1 to 19 digits in quotes, such as "12345"`,
    ],
    [
      { api: { version: 'v1' } },
      'spec.api.version must be a year and a month, YYYY-MM in quotes, such as "2026-07"',
    ],
    [
      { dataPrivacy: { ...connection.spec.dataPrivacy, agreedOn: '2026-02-30' } },
      'spec.dataPrivacy.agreedOn must be a day as YYYY-MM-DD, such as "2026-11-22", but is "2026-02-30"',
    ],
    [
      { ledger: { volume: { size: '1Gi', accessModes: ['ReadWriteMany', 'ReadWriteMany'] } } },
      'spec.ledger.volume.accessModes must have each item once, but items 1 and 0 are the same',
    ],
  ])('of a connection %j says what would be right', (spec, message) => {
    expect(faultsOfConnection(spec)).toEqual([message]);
  });

  it.each([
    [{ segments: [] }, 'spec.segments must have at least 1 item, but has 0'],
    [
      { segments: [{ name: 'a' }, { name: 'a' }] },
      'spec.segments has the name of item 1 twice: give each item another name',
    ],
    [
      { segments: [{ name: 'a', existing: 'Replace' }] },
      'spec.segments[0].existing must be one of Refuse, Keep, TakeOver, but is "Replace"',
    ],
    [
      { match: { email: { field: 'email', fallbackFields: [7] } } },
      'spec.match.email.fallbackFields[0] must be a string, but is a number: put it in quotes',
    ],
    [
      { job: { resources: { limits: { cpu: true } } } },
      'spec.job.resources.limits.cpu must be an integer or a string, but is a boolean',
    ],
    [
      { job: { labels: { 'example.com/team': 7 } } },
      'spec.job.labels["example.com/team"] must be a string, but is a number: put it in quotes',
    ],
    [
      { runAfter: [{ jobSelector: { matchLabels: {} } }] },
      'spec.runAfter[0].jobSelector.matchLabels must have at least 1 entry, but has 0',
    ],
  ])('of an export %j says what would be right', (spec, message) => {
    expect(faultsOfExport(spec)).toEqual([message]);
  });

  it('is found beside all others', () => {
    expect(faultsOfExport({ maxProfiles: 0, mode: 'Append' })).toHaveLength(2);
  });

  it('of a URL does not repeat the password in it', () => {
    const [message, ...others] = faultsOfConnection({
      api: { baseUrl: 'https://user:s3cret@api.criteo.com' },
    });
    expect(others).toEqual([]);
    expect(message).toContain('spec.api.baseUrl must be https:// or http://');
    expect(message).not.toContain('s3cret');
  });

  it('is another kind or version, or no object', () => {
    expect(faults(validateExport(connection))).toContain(
      'kind must be CriteoSegmentExport, but is "CriteoConnection"',
    );
    expect(faults(validateConnection({ ...connection, apiVersion: 'segmentexport.io/v1' }))).toEqual([
      'apiVersion must be segmentexport.io/v1alpha1, but is "segmentexport.io/v1"',
    ]);
    expect(validateConnection(null).ok).toBe(false);
  });
});

describe('an unknown field', () => {
  const written = {
    ...segmentExport,
    spec: { ...segmentExport.spec, schedule: { cron: '@daily', timezone: 'Europe/Oslo' } },
  };

  it('is ignored in an object of the API server', () => {
    expect(validateExport(written).ok).toBe(true);
  });

  it('is refused in a file that a person wrote', () => {
    expect(faults(validateExport(written, { unknownFields: 'refuse' }))).toEqual([
      'spec.schedule.timezone is not a field; the fields here are cron, timeZone, jitterSeconds, startingDeadlineSeconds',
    ]);
  });

  it('is none of the metadata that every object may have', () => {
    const metadata = { name: 'newsletter', labels: { team: 'crm' }, annotations: {} };
    expect(validateExport({ ...segmentExport, metadata }, { unknownFields: 'refuse' }).ok).toBe(true);
  });
});

describe('a field that is not known yet', () => {
  const spec = { ...connection.spec, credentialsSecretRef: null, advertiserId: 'nordic' };
  const isKnown = (field: string): boolean => field !== 'spec.credentialsSecretRef';

  it('is no fault, and those of the others are told', () => {
    expect(faults(validateConnection({ ...connection, spec }, { isKnown }))).toEqual([
      expect.stringMatching(/^spec[.]advertiserId /),
    ]);
  });

  it('leaves an object with the defaults of the rest', () => {
    const result = validateConnection(
      { ...connection, spec: { ...spec, advertiserId: '12345' } },
      { isKnown },
    );
    expect(result).toMatchObject({
      ok: true,
      value: { spec: { advertiserId: '12345', maxProfiles: 1_000_000 } },
    });
  });
});
