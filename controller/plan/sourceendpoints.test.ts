import { describe, expect, test } from 'vitest';
import { endpointFault, isAllowedEndpoint } from './sourceendpoints.ts';
import { exportFrom, sourceTitles } from './testkit/sources.ts';

const none = { allowedSourceEndpoints: [], allowedAuthorityHosts: [] };

/** A source at an endpoint, as the API server gives it. */
const made = {
  s3: (endpoint: string | undefined, withRole: boolean, region = 'eu-north-1') => {
    const s3 = exportFrom(withRole ? 's3 with a role' : 's3 with keys').spec.source.s3;
    if (!s3) throw new Error('no such source');
    const { endpoint: _, ...rest } = s3;
    return { s3: { ...rest, region, ...(endpoint === undefined ? {} : { endpoint }) } };
  },
  azureBlob: (endpoint: string, withIdentity: boolean) => {
    const title = withIdentity ? 'azureBlob of Customer Insights' : 'azureBlob with a SAS token';
    const { azureBlob } = exportFrom(title).spec.source;
    if (!azureBlob) throw new Error('no such source');
    return { azureBlob: { ...azureBlob, endpoint } };
  },
  customerInsights: (environmentUrl: string, withIdentity: boolean, authorityHost?: string) => {
    const title = `customerInsights with ${withIdentity ? 'an identity' : 'a secret'}`;
    const { customerInsights } = exportFrom(title).spec.source;
    if (!customerInsights) throw new Error('no such source');
    return {
      customerInsights: { ...customerInsights, environmentUrl, ...(authorityHost ? { authorityHost } : {}) },
    };
  },
};

test.each(sourceTitles)('%s is allowed as the examples have it', (title) => {
  expect(endpointFault(exportFrom(title).spec.source, none)).toBeUndefined();
});

describe('the identity of the platform goes to', () => {
  test.each([
    undefined,
    'https://s3.amazonaws.com',
    'https://s3.eu-north-1.amazonaws.com',
    'https://S3.EU-North-1.AmazonAWS.com/',
    'https://s3.eu-north-1.amazonaws.com:443',
    'https://s3.dualstack.eu-north-1.amazonaws.com',
    'https://s3-fips.us-gov-west-1.amazonaws.com',
    'https://s3-fips.dualstack.us-east-1.amazonaws.com',
    'https://s3.cn-north-1.amazonaws.com.cn',
    'https://marketing-data.s3-accelerate.amazonaws.com',
    'https://bucket.vpce-0123456789abcdef0-abcdefgh.s3.eu-north-1.vpce.amazonaws.com',
  ])('S3 of AWS at %s', (endpoint) => {
    expect(endpointFault(made.s3(endpoint, true), none)).toBeUndefined();
  });

  test.each([
    'https://marketing.blob.core.windows.net',
    'https://marketing.dfs.core.windows.net/',
    'https://marketing.blob.core.usgovcloudapi.net',
    'https://marketing.dfs.core.chinacloudapi.cn',
    'https://marketing.z12.blob.storage.azure.net',
  ])('Azure Storage at %s', (endpoint) => {
    expect(endpointFault(made.azureBlob(endpoint, true), none)).toBeUndefined();
  });

  test.each([
    'https://contoso.crm.dynamics.com',
    'https://contoso.crm4.dynamics.com',
    'https://contoso.api.crm4.dynamics.com',
    'https://contoso.crm.dynamics.cn',
    'https://contoso.crm.microsoftdynamics.us',
    'https://contoso.crm.appsplatform.us',
  ])('Dataverse at %s', (url) => {
    expect(endpointFault(made.customerInsights(url, true), none)).toBeUndefined();
  });
});

/** Everywhere else, though it looks like it; with keys of one's own each is allowed. */
const elsewhere: [string, (withIdentity: boolean) => Parameters<typeof endpointFault>[0]][] = [
  ...[
    'https://evilamazonaws.com',
    'https://s3.evilamazonaws.com',
    'https://s3.eu-north-1.amazonaws.com.evil.example',
    'https://s3.eu-north-1.amazonaws.com.',
    'https://s3.eu-north-1.amazonaws.com:8443',
    'https://evil.example/s3.eu-north-1.amazonaws.com',
    'https://evil.example\\.s3.eu-north-1.amazonaws.com',
    'https://s3.eu-north-1.amazonaws.com@evil.example',
    'https://user:word@s3.eu-north-1.amazonaws.com',
    'https://evil.example#.s3.eu-north-1.amazonaws.com',
    'https://s3.eu-north-1.аmazonaws.com',
    // Machines and functions of any customer.
    'https://ec2-203-0-113-7.eu-north-1.compute.amazonaws.com',
    'https://a1b2c3d4e5.execute-api.eu-north-1.amazonaws.com',
    'https://s3-evil-123.eu-north-1.elb.amazonaws.com',
    'https://203.0.113.7',
    'https://[2001:db8::7]',
    'https://amazonaws.com',
  ].map((url): (typeof elsewhere)[number] => [url, (withRole) => made.s3(url, withRole)]),
  ...[
    'https://evilblob.core.windows.net',
    'https://blob.core.windows.net',
    'https://marketing.blob.core.windows.net.evil.example',
    'https://marketing.azurewebsites.net',
  ].map((url): (typeof elsewhere)[number] => [url, (withIdentity) => made.azureBlob(url, withIdentity)]),
  ...[
    'https://evildynamics.com',
    'https://crm4.dynamics.com',
    'https://contoso.cloudax.dynamics.com',
    'https://contoso.crm4.dynamics.com.evil.example',
  ].map((url): (typeof elsewhere)[number] => [
    url,
    (withIdentity) => made.customerInsights(url, withIdentity),
  ]),
];

test.each(elsewhere)('the identity of the platform does not go to %s, keys do', (url, source) => {
  const fault = endpointFault(source(true), none);
  expect(fault).toMatchObject({ status: 'False', reason: 'SourceEndpointNotAllowed', progress: 'Stalled' });
  expect(fault?.message).toMatch(
    /^spec\.source\.[a-zA-Z0-9]+\.(endpoint|environmentUrl): .* is not .*; write one such as https:.*credentialsSecretRef.*--allowed-source-endpoint.*\.$/,
  );
  expect(fault?.message).toContain(url);
  expect(endpointFault(source(false), none)).toBeUndefined();
});

test.each(['http://s3.eu-north-1.amazonaws.com', 'http://store.example:9000', 'HTTP://store.example:9000'])(
  '%s is not encrypted, and only for those that are listed',
  (url) => {
    for (const withRole of [true, false]) {
      const source = made.s3(url, withRole);
      const fault = endpointFault(source, none);
      expect(fault?.reason).toBe('SourceEndpointNotAllowed');
      expect(fault?.message).toContain(
        `spec.source.s3.endpoint: ${url} is not encrypted; write a URL with https://`,
      );
      expect(endpointFault(source, { ...none, allowedSourceEndpoints: [url.toLowerCase()] })).toBeUndefined();
    }
  },
);

describe('a list', () => {
  const allowedSourceEndpoints = ['https://store.example:9000', 'http://127.0.0.1:10000'];
  test.each([
    'https://store.example:9000',
    'https://STORE.example:9000/',
    'http://127.0.0.1:10000/devstoreaccount1',
  ])('allows %s', (url) => {
    expect(endpointFault(made.azureBlob(url, true), { ...none, allowedSourceEndpoints })).toBeUndefined();
  });

  test.each([
    'https://store.example',
    'http://store.example:9000',
    'https://store.example:9001',
    'https://sub.store.example:9000',
    'https://store.example:9000@evil.example',
    'http://127.0.0.1:10000@evil.example',
  ])('does not allow %s by it', (url) => {
    expect(endpointFault(made.azureBlob(url, true), { ...none, allowedSourceEndpoints })?.reason).toBe(
      'SourceEndpointNotAllowed',
    );
  });
});

test.each(['eu-north-1.evil.example/', 'evil.example#', 'EU NORTH'])(
  'a region "%s" does not make another host of AWS',
  (region) => {
    expect(endpointFault(made.s3(undefined, true, region), none)?.message).toContain(
      `spec.source.s3.region: "${region}" is no region of AWS`,
    );
    expect(endpointFault(made.s3(undefined, false, region), none)?.reason).toBe('SourceEndpointNotAllowed');
    expect(endpointFault(made.s3('https://store.example', false, region), none)).toBeUndefined();
  },
);

describe('tokens of Microsoft Entra come from', () => {
  const url = 'https://contoso.crm4.dynamics.com';
  test.each([
    'https://login.microsoftonline.com',
    'https://LOGIN.microsoftonline.com:443',
    'https://login.microsoftonline.us',
    'https://login.partner.microsoftonline.cn',
    'https://login.example',
  ])('%s', (host) => {
    const lists = { ...none, allowedAuthorityHosts: ['https://login.example'] };
    expect(endpointFault(made.customerInsights(url, false, host), lists)).toBeUndefined();
  });

  test.each([
    'http://login.microsoftonline.com',
    'https://login.microsoftonline.com.evil.example',
    'https://evil-login.microsoftonline.com',
    'https://login.microsoftonline.com:8443',
    'https://login.microsoftonline.com.',
  ])('not %s, whoever asks', (host) => {
    for (const withIdentity of [true, false]) {
      expect(endpointFault(made.customerInsights(url, withIdentity, host), none)).toMatchObject({
        reason: 'AuthorityHostNotAllowed',
        message: expect.stringContaining(`spec.source.customerInsights.authorityHost: ${host} is none of`),
      });
    }
  });

  test('not another one for azureBlob either', () => {
    const { azureBlob } = exportFrom('azureBlob with a SAS token').spec.source;
    if (!azureBlob) throw new Error('no such source');
    const source = { azureBlob: { ...azureBlob, authorityHost: 'https://evil.example' } };
    expect(endpointFault(source, none)?.message).toContain('spec.source.azureBlob.authorityHost');
  });
});

describe('a source may be on the pod itself or its node where its own endpoint is on the list', () => {
  const allowedSourceEndpoints = ['http://127.0.0.1:9000', 'https://localhost:5432', 'https://[::1]:5433'];
  const allowed = (source: Parameters<typeof isAllowedEndpoint>[0]) =>
    isAllowedEndpoint(source, { allowedSourceEndpoints });
  const postgresqlAt = (host: string, port: number) => {
    const { postgresql } = exportFrom('postgresql with a query').spec.source;
    if (!postgresql) throw new Error('no such source');
    return { postgresql: { ...postgresql, host, port } };
  };

  test('by scheme, host and port', () => {
    expect(allowed(made.s3('http://127.0.0.1:9000/', false))).toBe(true);
    expect(allowed(made.azureBlob('http://127.0.0.1:9000/account', false))).toBe(true);
    expect(allowed(made.customerInsights('http://127.0.0.1:9000', false))).toBe(true);
    expect(allowed(made.s3('https://127.0.0.1:9000', false))).toBe(false);
    expect(allowed(made.s3('http://127.0.0.1:9001', false))).toBe(false);
    expect(allowed(made.s3(undefined, false))).toBe(false);
  });

  test('of a database, by https with its host and port', () => {
    expect(allowed(postgresqlAt('localhost', 5432))).toBe(true);
    expect(allowed(postgresqlAt('LOCALHOST', 5432))).toBe(true);
    expect(allowed(postgresqlAt('::1', 5433))).toBe(true);
    expect(allowed(postgresqlAt('localhost', 5433))).toBe(false);
    expect(allowed(postgresqlAt('127.0.0.1', 9000))).toBe(false);
  });

  test.each(sourceTitles)('and not otherwise: %s', (title) => {
    expect(allowed(exportFrom(title).spec.source)).toBe(false);
  });
});
