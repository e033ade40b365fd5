import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunReason } from '../../../api/reasons.ts';
import type { ReportDetails } from '../../../api/report.ts';
import { createDispatcher } from '../../../exporter/criteo/exchange.ts';
import { never } from '../../../exporter/testkit.ts';
import { type DataverseOptions, defaultClient, type Fault } from '../../dataverse/dataverse.ts';
import { jwt, keyPair } from '../../dataverse/testclient.ts';
import { selfSignedCertificate } from '../../sandbox/certificate.ts';
import {
  type Asked,
  asked,
  type Environment,
  environmentFor,
  idOf,
  keys,
  memberships,
  open,
  profiles,
  read,
  sourceOf,
} from './insightskit.ts';
import { exportOf, runExporter, segmentOf } from './program.ts';
import { digestOf, sandboxFor, writes } from './sandbox.ts';
import { faultOf, mounted, serve } from './storekit.ts';

const names = Array.from({ length: 24 }, (_, index) => `p${index}`);
const addresses = names.map((name) => `${name}@example.com`).sort();

/** Two dozen members on pages of four. */
async function peopled(options: DataverseOptions = {}): Promise<Environment> {
  const environment = await environmentFor({ maxPageSize: 4, defaultPageSize: 4, ...options });
  environment.putPeople(
    names.map((name) => ({
      id: idOf(name),
      columns: { msdynci_email: `${name}@example.com` },
      segments: ['Gold'],
    })),
  );
  return environment;
}

async function refusal(environment: Environment, change: Asked = {}): Promise<unknown> {
  return await faultOf(read(environment, change));
}

describe('what passes is asked for again', () => {
  const passing: [string, Fault][] = [
    ['a status of 500', { kind: 'status', status: 500 }],
    ['a status of 503 with Retry-After', { kind: 'status', status: 503, retryAfterSeconds: 7 }],
    ['a gateway without a word', { kind: 'raw', status: 502, body: '<html>', contentType: 'text/html' }],
    ['a 429', { kind: 'status', status: 429, retryAfterSeconds: 30 }],
    ['a reset', { kind: 'reset' }],
    ['half of a reply', { kind: 'halfReply' }],
    ['broken JSON', { kind: 'malformed' }],
    ['JSON that is no page', { kind: 'raw', status: 200, body: '{"value":"none"}' }],
    ['an expired token', { kind: 'expireToken' }],
    ['a reply that comes slowly', { kind: 'slow', milliseconds: 20 }],
    ['a short page', { kind: 'shortPage', rows: 1 }],
    ['an empty page', { kind: 'shortPage', rows: 0 }],
    ['rows that come twice', { kind: 'duplicateRows' }],
    ['bare arrays', { kind: 'bareArray' }],
  ];
  const places = ['EntityDefinitions', memberships, profiles];
  const unsuited = (kind: Fault['kind'], place: string): boolean =>
    (kind === 'duplicateRows' || kind === 'bareArray') && place !== memberships;

  test.each(passing)('%s, wherever it comes', async (_, fault) => {
    for (const place of places.filter((each) => !unsuited(fault.kind, each))) {
      for (const [skip, parallelScans] of [
        [0, 1],
        [2, 3],
      ] as const) {
        const environment = await peopled({ unsupportedFunctions: ['In'] });
        environment.addFault({ ...fault, path: place, skip });
        const { rows } = await read(environment, { source: { parallelScans } });
        expect(rows, `${place}, after ${skip}`).toEqual([addresses]);
        expect(environment.violations()).toEqual([]);
        const isOfPages = fault.kind === 'shortPage' && place === 'EntityDefinitions';
        if (!isOfPages) expect(environment.faults()[0]?.played, place).toBe(1);
      }
    }
  });

  test('a reply that does not come in time', async () => {
    const environment = await peopled();
    environment.addFault({ kind: 'delay', milliseconds: 60_000, path: memberships });
    const { rows } = await read(environment, { limits: { callTimeoutMs: 300 } });
    expect(rows).toEqual([addresses]);
  });

  test('a token that expires again and again is renewed as often', async () => {
    const environment = await peopled();
    for (let skip = 1; skip < 20; skip += 3) {
      environment.addFault({ kind: 'expireToken', path: 'msdynci_', skip });
    }
    expect((await read(environment, { source: { parallelScans: 1 } })).rows).toEqual([addresses]);
    expect(environment.violations()).toEqual([]);
    const tokens = environment.requests().filter(({ path }) => path.endsWith('/token'));
    expect(tokens.length).toBeGreaterThan(5);
  });

  test('a token that expires under several scans is renewed once', async () => {
    const environment = await peopled();
    environment.addFault({ kind: 'expireToken', path: memberships, query: 'lt ', skip: 1 });
    expect((await read(environment)).rows).toEqual([addresses]);
    expect(environment.requests().filter(({ path }) => path.endsWith('/token'))).toHaveLength(2);
  });
});

describe('what does not pass stops the run', () => {
  const lasting: [string, Fault, Asked, RunReason, ReportDetails][] = [
    ['a status of 500', { kind: 'status', status: 500 }, {}, 'SourceUnavailable', { status: 500 }],
    ['a reset', { kind: 'reset' }, {}, 'SourceUnavailable', {}],
    ['half of a reply', { kind: 'halfReply' }, {}, 'SourceUnavailable', {}],
    [
      'no reply in time',
      { kind: 'delay', milliseconds: 60_000 },
      { limits: { callTimeoutMs: 50 } },
      'SourceUnavailable',
      {},
    ],
    ['broken JSON', { kind: 'malformed' }, {}, 'SourceReplyInvalid', { status: 200 }],
    [
      'a row that is none',
      { kind: 'raw', status: 200, body: '{"value":[{"a":1},2]}' },
      {},
      'SourceReplyInvalid',
      { status: 200 },
    ],
    [
      'a row that is no JSON',
      { kind: 'raw', status: 200, body: '{"value":[{"a":}]}' },
      {},
      'SourceReplyInvalid',
      { status: 200 },
    ],
    ['a redirection', { kind: 'raw', status: 302, body: '' }, {}, 'SourceReplyInvalid', { status: 302 }],
    ['a token that never is good', { kind: 'expireToken' }, {}, 'SourceCredentialsRefused', { status: 401 }],
    [
      'a 429 for ever',
      { kind: 'status', status: 429, retryAfterSeconds: 200 },
      {},
      'SourceThrottled',
      { status: 429 },
    ],
  ];
  test.each(lasting)('%s', async (_, fault, change, reason, details) => {
    const environment = await peopled();
    environment.addFault({ ...fault, path: `${memberships}$`, skip: 2, times: 'always' });
    expect(await refusal(environment, change)).toEqual([reason, details]);
    expect(environment.violations()).toEqual([]);
  });

  test('an environment that nobody answers for', async () => {
    const environment = await peopled();
    await environment.close();
    expect(await refusal(environment)).toEqual(['SourceUnavailable', {}]);
  });

  test('a certificate that nobody vouches for', async () => {
    const authority = await peopled();
    const environment = await environmentFor({ tls: await selfSignedCertificate() });
    const source = { authorityHost: authority.url };
    authority.putClient(defaultClient);
    const fault = await refusal(environment, { source: { ...source, environmentUrl: environment.url } });
    expect(fault).toEqual(['SourceCredentialsRefused', { status: 400, code: 'aadsts500011' }]);
    const trusting = await environmentFor({ organizationUrl: environment.url });
    expect(await refusal(environment, { source: { authorityHost: trusting.url } })).toEqual([
      'SourceTlsNotTrusted',
      {},
    ]);
  });
});

describe('a link that leads on', () => {
  test('to another host is not followed, and the token stays here', async () => {
    const other = await serve((_, response) => response.end('{"value":[]}'));
    for (const link of [
      `${other.endpoint}/api/data/v9.2/${memberships}`,
      '/api/data/v9.2/x',
      'not a link',
      'file:///etc/passwd',
    ]) {
      for (const path of [memberships, profiles]) {
        const environment = await peopled({ unsupportedFunctions: ['In'] });
        environment.addFault({ kind: 'nextLink', link, path, skip: 2 });
        expect(await refusal(environment)).toEqual(['SourceReplyInvalid', { code: 'page-link' }]);
      }
    }
    expect(other.requests).toBe(0);
  });

  test.each(['name', ':password'])('to the same host as %s@ is not followed either', async (user) => {
    const environment = await peopled();
    const link = environment.url.replace('://', `://${user}@`);
    environment.addFault({ kind: 'nextLink', link: `${link}/api/data/v9.2/x`, path: memberships });
    expect(await refusal(environment)).toEqual(['SourceReplyInvalid', { code: 'page-link' }]);
  });

  test.each([1, 4])('in a circle ends, with %i scans', async (parallelScans) => {
    const environment = await peopled();
    environment.addFault({ kind: 'nextLink', path: memberships, skip: 1, times: 'always' });
    expect(await refusal(environment, { source: { parallelScans } })).toEqual([
      'SourceReplyInvalid',
      { code: 'page-link' },
    ]);
  });
});

describe('the rate limit', () => {
  test('pauses all scans, for as long as it is told', async () => {
    const environment = await peopled({ unsupportedFunctions: ['In'] });
    for (const skip of [3, 9, 14]) {
      environment.addFault({ kind: 'status', status: 429, retryAfterSeconds: 60, path: 'msdynci_', skip });
    }
    const { rows } = await read(environment, { source: { parallelScans: 16 } });
    expect(rows).toEqual([addresses]);
    expect(environment.clock.slept.filter((slept) => slept === 60_000)).toHaveLength(3);
    expect(environment.violations()).toEqual([]);
  });

  test('of so many requests in a window is kept', async () => {
    const environment = await peopled({ requestsPerWindow: 10, windowSeconds: 60 });
    expect((await read(environment)).rows).toEqual([addresses]);
    expect(environment.requests().some(({ status }) => status === 429)).toBe(true);
    expect(environment.violations()).toEqual([]);
  });

  test('of so many at once is kept', async () => {
    const environment = await peopled({ maxConcurrent: 2, latencyMilliseconds: 5 });
    expect((await read(environment, { source: { parallelScans: 8 } })).rows).toEqual([addresses]);
    expect(environment.violations()).toEqual([]);
  });

  test('is waited for up to ten minutes in all', async () => {
    const environment = await peopled({ requestsPerWindow: 3, windowSeconds: 300 });
    expect(await refusal(environment)).toEqual(['SourceThrottled', { status: 429 }]);
    expect(environment.clock.slept.reduce((sum, slept) => sum + slept, 0)).toBeLessThanOrEqual(600_000);
    expect(environment.violations()).toEqual([]);
  });

  test('without a Retry-After, or with a date', async () => {
    const environment = await peopled();
    environment.addFault({ kind: 'raw', status: 429, body: '{}', path: memberships });
    expect((await read(environment)).rows).toEqual([addresses]);
    expect(environment.clock.slept).toEqual([5_000]);
  });
});

describe('what the user mends is named', () => {
  const profileColumns = [
    { name: 'msdynci_email', type: 'String' },
    { name: 'msdynci_birthdate', type: 'DateTime' },
    { name: 'msdynci_many', type: 'Virtual' },
  ] as NonNullable<DataverseOptions['profileColumns']>;
  const mistakes: [string, DataverseOptions, Asked, RunReason, ReportDetails][] = [
    [
      'a profile table that is not there',
      {},
      { source: { profileTable: 'msdynci_nothing' } },
      'SourceNotFound',
      { status: 404, code: 'profile-table' },
    ],
    [
      'an environment without Customer Insights',
      { absentTables: ['msdynci_segmentmembership'] },
      {},
      'SourceNotFound',
      { status: 404, code: 'membership-table' },
    ],
    ['an address column that is not there', {}, { fields: ['email'] }, 'FieldNotFound', { fieldIndex: 0 }],
    [
      'another that is not there',
      {},
      { fields: ['msdynci_email', "x') or (1"] },
      'FieldNotFound',
      { fieldIndex: 1 },
    ],
    ['a name in other letters', {}, { fields: ['msdynci_Email'] }, 'FieldNotFound', { fieldIndex: 0 }],
    [
      'an address column of another type',
      { profileColumns },
      { fields: ['msdynci_birthdate'] },
      'FieldNotText',
      { fieldIndex: 0 },
    ],
    [
      'a consent column that is not there',
      {},
      { consent: { field: 'nothing', isTrue: true } },
      'ConsentFieldNotFound',
      { column: 'Consent' },
    ],
    [
      'a consent column without a value',
      { profileColumns },
      { consent: { field: 'msdynci_many', isTrue: true } },
      'FieldNotText',
      { column: 'Consent' },
    ],
    [
      'a key that is not there',
      {},
      { source: { profileKeyField: 'msdynci_contactid' } },
      'FieldNotFound',
      { column: 'ProfileKey' },
    ],
    [
      'a key that is none',
      {},
      { source: { profileKeyField: 'modifiedon' } },
      'FieldNotText',
      { column: 'ProfileKey' },
    ],
    [
      'no right to memberships',
      { missingRights: ['msdynci_segmentmembership'] },
      {},
      'SourceForbidden',
      { status: 403, code: 'memberships' },
    ],
    [
      'no right to profiles',
      { missingRights: ['msdynci_customerprofile'] },
      {},
      'SourceForbidden',
      { status: 403, code: 'profiles' },
    ],
    [
      'no right to the metadata',
      { missingRights: ['EntityDefinitions'] },
      {},
      'SourceForbidden',
      { status: 403, code: 'metadata' },
    ],
    [
      'no application user',
      { clients: [{ ...defaultClient, applicationUser: false }] },
      {},
      'SourceForbidden',
      { status: 403, code: 'application-user' },
    ],
    [
      'a wrong secret',
      {},
      { credentials: { ...keys, clientSecret: 'other' } },
      'SourceCredentialsRefused',
      { status: 401, code: 'aadsts7000215' },
    ],
    [
      'a wrong secret, told otherwise',
      { invalidClientStatus: 400 },
      { credentials: { ...keys, clientSecret: 'other' } },
      'SourceCredentialsRefused',
      { status: 400, code: 'aadsts7000215' },
    ],
    [
      'a secret whose time is over',
      { clients: [{ ...defaultClient, secretExpired: true }] },
      {},
      'SourceCredentialsRefused',
      { status: 401, code: 'aadsts7000222' },
    ],
    [
      'another tenant',
      {},
      { source: { tenantId: '00000000-0000-4000-8000-000000000000' } },
      'SourceCredentialsRefused',
      { status: 400, code: 'aadsts90002' },
    ],
    ['a Secret that is not there', {}, { credentials: {} }, 'SourceSecretMissing', {}],
    [
      'a key of it that is not there',
      {},
      { credentials: { clientId: 'x' } },
      'SourceSecretMissing',
      { key: 'clientSecret' },
    ],
  ];
  test.each(mistakes)('%s', async (_, options, change, reason, details) => {
    const environment = await peopled(options);
    expect(await refusal(environment, change)).toEqual([reason, details]);
    expect(environment.violations()).toEqual([]);
    // Before a minute is spent on memberships.
    if (details.code !== 'memberships') expect(asked(environment, memberships)).toEqual([]);
  });

  test('a URL under which something else answers', async () => {
    const other = await serve((_, response) =>
      response.writeHead(404, { 'content-type': 'text/html' }).end('<html>'),
    );
    const authority = await environmentFor({ organizationUrl: other.endpoint });
    const source = { environmentUrl: other.endpoint, authorityHost: authority.url };
    expect(await refusal(authority, { source })).toEqual([
      'SourceNotFound',
      { status: 404, code: 'web-api' },
    ]);
  });
});

test("a service account's token stands for the secret", async () => {
  const { publicKey, privateKey } = keyPair();
  const issuer = 'https://issuer.example';
  const subject = 'system:serviceaccount:shop:export';
  const clientId = '0a991d00-0000-4000-8000-000000000002';
  const environment = await peopled({
    clients: [{ clientId, federations: [{ issuer, subject, publicKey }] }],
  });
  const token = (sub: string): string =>
    jwt(
      { iss: issuer, sub, aud: ['api://AzureADTokenExchange'], exp: environment.clock.now() / 1000 + 600 },
      privateKey,
    );
  const identityToken = join(await mounted({}), 'token');
  const change: Asked = {
    source: { workloadIdentity: { clientId } },
    credentials: {},
    surroundings: { identityToken },
  };
  await writeFile(identityToken, token('system:serviceaccount:shop:another'));
  expect(await refusal(environment, change)).toEqual([
    'SourceCredentialsRefused',
    { status: 401, code: 'aadsts700213' },
  ]);
  await writeFile(identityToken, token(subject));
  expect((await read(environment, change)).rows).toEqual([addresses]);
  expect(environment.violations()).toEqual([]);
});

describe('a run that ends early', () => {
  test('in the middle of waiting', async () => {
    const environment = await peopled();
    environment.addFault({ kind: 'delay', milliseconds: 60_000, path: memberships, skip: 2 });
    const ending = new AbortController();
    const source = await open(environment);
    const reading = (async () => {
      for await (const _ of source.read(ending.signal));
    })();
    while (environment.requests().every(({ fault }) => fault === undefined)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    ending.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
  });

  test('leaves no scan behind', async () => {
    const environment = await peopled({ unsupportedFunctions: ['In'] });
    const dispatcher = createDispatcher('/does-not-exist');
    environment.addFault({
      kind: 'delay',
      milliseconds: 600_000,
      path: profiles,
      query: '[$]filter=.* lt .40',
    });
    const limits = { callTimeoutMs: 600_000 };
    const source = await open(environment, { surroundings: { dispatcher }, limits });
    for await (const event of source.read(never)) if (event.kind === 'rows') break;
    expect(environment.faults()[0]?.played).toBe(1);
    // It waits for replies that somebody waits for.
    await dispatcher.close();
  });
});

describe('the program', () => {
  const canary = 'canary.ci7@example.com';

  async function run(environment: Environment, criteo: string, change: object = {}) {
    return await runExporter({
      document: exportOf(criteo, {
        match: { email: { field: 'msdynci_email', fallbackFields: [] } },
        consent: { field: 'msdynci_donotemail', equals: 'false' },
        source: { customerInsights: sourceOf(environment.url) },
        segments: [segmentOf('Gold'), segmentOf('Tin')],
        ...change,
      }),
      env: { SEGMENTEXPORT_SOURCE_CREDENTIALS_DIR: await mounted(keys) },
    });
  }

  const hunted = [canary, idOf('canary'), keys.clientSecret, 'Bearer', digestOf([canary])];
  const hunt = (text: string): string[] =>
    hunted.filter((each) => text.toLowerCase().includes(each.toLowerCase()));

  test('sends whom Customer Insights has in the segments, and tells when that was written', async () => {
    const environment = await environmentFor({ now: Date.now });
    const criteo = await sandboxFor();
    const columns = { msdynci_email: 'm{n}@example.com', msdynci_donotemail: false };
    environment.makeUp({ count: 12_000, segments: ['Gold'], columns, modifiedOn: '2026-11-20T00:00:00Z' });
    environment.makeUp({
      count: 500,
      segments: ['Gold', 'Tin'],
      columns: { ...columns, msdynci_donotemail: true },
    });
    environment.putPeople([
      {
        id: idOf('canary'),
        columns: { msdynci_email: canary, msdynci_donotemail: false },
        segments: ['Tin'],
      },
      { id: idOf('gone'), profile: false, segments: ['Tin'] },
    ]);
    const { report, exitCode, output, reportText } = await run(environment, criteo.url);
    expect(exitCode).toBe(0);
    expect(report?.segments).toMatchObject([
      { reason: 'Succeeded', read: 12_500, withoutConsent: 500, uploaded: 12_000 },
      { reason: 'Succeeded', read: 502, withoutConsent: 500, empty: 1, uploaded: 1 },
    ]);
    const gold = Array.from({ length: 12_000 }, (_, index) => `m${index + 1}@example.com`);
    expect(criteo.segments().map(({ name, digest }) => [name, digest])).toEqual([
      ['Gold', digestOf(gold)],
      ['Tin', digestOf([canary])],
    ]);
    expect(report?.segments?.[1]?.sourceWrittenAt).toBeGreaterThan(Date.parse('2026-11-20T00:00:00Z'));
    expect(hunt(output + reportText)).toEqual([]);
    expect(environment.violations()).toEqual([]);
  });

  test.each<[string, Fault, RunReason]>([
    [
      'says so in a page',
      { kind: 'raw', status: 400, body: `{"error":{"code":"${canary}","message":"${canary}"}}` },
      'SourceQueryRefused',
    ],
    [
      'forbids it by name',
      { kind: 'raw', status: 403, body: `{"error":{"code":"${idOf('canary')}","message":"${canary}"}}` },
      'SourceForbidden',
    ],
    ['names it in a link', { kind: 'nextLink', link: `https://${canary}/` }, 'SourceReplyInvalid'],
    [
      'has it in a row that is no JSON',
      { kind: 'raw', status: 200, body: `{"value":[{"msdynci_email":"${canary}"x}]}` },
      'SourceReplyInvalid',
    ],
  ])('keeps to itself what an environment says that %s', async (_, fault, reason) => {
    const environment = await environmentFor({ now: Date.now });
    const criteo = await sandboxFor();
    environment.putPeople([
      {
        id: idOf('canary'),
        columns: { msdynci_email: canary, msdynci_donotemail: false },
        segments: ['Gold', 'Tin'],
      },
    ]);
    environment.addFault({
      ...fault,
      path: fault.kind === 'nextLink' ? memberships : `${profiles}$`,
      times: 'always',
    });
    const { report, output, reportText } = await run(environment, criteo.url);
    expect(report?.reason).toBe(reason);
    expect(hunt(output + reportText)).toEqual([]);
    expect(writes(criteo)).toBe(0);
  });
});
