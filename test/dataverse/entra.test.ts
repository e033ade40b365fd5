import { expect, test } from 'vitest';
import { defaultClient, defaultTenants } from './dataverse.ts';
import { askToken, jwt, keyPair, profiles, start, TestClient } from './testclient.ts';

const { publicKey, privateKey } = keyPair();
const federation = { issuer: 'https://issuer.example', subject: 'system:serviceaccount:shop:export' };
const claims = {
  iss: federation.issuer,
  sub: federation.subject,
  aud: ['api://AzureADTokenExchange'],
  exp: Date.now() / 1000 + 600,
};
const asserted = (assertion: string) => ({
  client_id: 'app',
  client_secret: null,
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: assertion,
});

test('gives a token for a client secret, and the Web API takes it until it expires', async () => {
  let now = Date.now();
  await using sandbox = await start({ tokenLifetimeSeconds: 60, now: () => now });
  const reply = await askToken(sandbox.url, {}, defaultTenants[1]);
  expect(reply.status).toBe(200);
  expect(reply.body).toEqual({
    token_type: 'Bearer',
    expires_in: 60,
    ext_expires_in: 60,
    access_token: expect.any(String),
  });
  const client = new TestClient(sandbox.url, String(reply.body.access_token));
  expect((await client.get('WhoAmI')).status).toBe(200);
  now += 60_000;
  const late = await client.get('WhoAmI');
  expect(late.status).toBe(401);
  expect(late.headers.get('www-authenticate')).toContain('The token has expired');
  expect(late.body).toEqual({ text: 'HTTP Error 401 - Unauthorized: Access is denied' });
  client.token = 'made-up';
  expect((await client.get(profiles)).status).toBe(401);
});

test.each([
  ['a wrong secret', { client_secret: 'canary' }, 401, 'invalid_client', 7000215],
  ['an unknown client', { client_id: 'nobody' }, 400, 'unauthorized_client', 700016],
  ['no credential', { client_secret: null }, 401, 'invalid_client', 7000218],
  ['no scope', { scope: null }, 400, 'invalid_request', 900144],
  ['a scope without .default', { scope: 'https://contoso/user' }, 400, 'invalid_scope', 1002012],
  ["another organization's scope", { scope: 'https://other/.default' }, 400, 'invalid_resource', 500011],
  ['another grant', { grant_type: 'password' }, 400, 'unsupported_grant_type', 70003],
  ['a resource', { resource: 'https://contoso' }, 400, 'invalid_request', 901002],
])('refuses %s in the envelope of Entra ID', async (_what, form, status, error, code) => {
  await using sandbox = await start();
  const reply = await askToken(sandbox.url, form);
  expect(reply.status).toBe(status);
  expect(reply.body).toEqual({
    error,
    error_description: expect.stringMatching(new RegExp(`^AADSTS${code}: .* Trace ID: `)),
    error_codes: [code],
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/),
    trace_id: expect.any(String),
    correlation_id: expect.any(String),
    error_uri: expect.stringContaining(String(code)),
  });
  expect(JSON.stringify([reply.body, sandbox.requests(), sandbox.violations()])).not.toContain('canary');
});

test('refuses another tenant, an expired secret, and a client without an application user', async () => {
  await using sandbox = await start({ invalidClientStatus: 400 });
  expect((await askToken(sandbox.url, {}, 'fabrikam.com')).body.error_codes).toEqual([90002]);
  sandbox.putClient({ ...defaultClient, secretExpired: true });
  const expired = await askToken(sandbox.url);
  expect([expired.status, expired.body.error_codes]).toEqual([400, [7000222]]);
  sandbox.putClient({ ...defaultClient, applicationUser: false });
  const client = await TestClient.connect(sandbox.url);
  const reply = await client.get('WhoAmI');
  expect(reply.status).toBe(403);
  expect(reply.body).toEqual({
    error: { code: '0x80072560', message: 'The user is not a member of the organization.' },
  });
});

test('takes the JWT of a service account for a secret', async () => {
  await using sandbox = await start({
    clients: [{ clientId: 'app', federations: [{ ...federation, publicKey }] }],
  });
  const client = await TestClient.connect(sandbox.url, asserted(jwt(claims, privateKey)));
  expect((await client.get('WhoAmI')).status).toBe(200);
  expect(sandbox.violations()).toEqual([]);
});

test.each([
  ['issuer', jwt({ ...claims, iss: 'https://other.example' }, privateKey), 700211],
  ['subject', jwt({ ...claims, sub: 'system:serviceaccount:Shop:export' }, privateKey), 700213],
  ['audience', jwt({ ...claims, aud: 'https://kubernetes.default.svc' }, privateKey), 700212],
  ['time', jwt({ ...claims, exp: Date.now() / 1000 - 1 }, privateKey), 700024],
  ['key', jwt(claims, keyPair().privateKey), 700027],
  ['form', 'canary', 50027],
])('refuses a JWT of a wrong %s', async (_what, assertion, code) => {
  await using sandbox = await start({
    clients: [{ clientId: 'app', federations: [{ ...federation, publicKey }] }],
  });
  expect((await askToken(sandbox.url, asserted(assertion))).body.error_codes).toEqual([code]);
});

test('checks a signature only where it was given a key', async () => {
  await using sandbox = await start({ clients: [{ clientId: 'app', federations: [federation] }] });
  const reply = await askToken(sandbox.url, asserted(jwt(claims, keyPair().privateKey)));
  expect(reply.status).toBe(200);
});

test('wants the scope of the organization that it was told of', async () => {
  await using sandbox = await start({ organizationUrl: 'https://contoso.crm4.dynamics.com' });
  expect((await askToken(sandbox.url)).body.error_codes).toEqual([500011]);
  const scope = 'https://contoso.crm4.dynamics.com/.default';
  expect((await askToken(sandbox.url, { scope })).status).toBe(200);
});
