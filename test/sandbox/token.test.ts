import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from './sandbox.ts';
import { askToken, codes, TestClient } from './testclient.ts';

let sandbox: Sandbox;
let time = Date.parse('2026-11-22T00:00:00Z');
const secret = 'a+b&c=d %2B';

beforeAll(async () => {
  const clients = [{ clientId: 'app', clientSecret: secret, advertisers: [] }];
  sandbox = await startSandbox({ now: () => time, clients });
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

const pair = { client_id: 'app', client_secret: secret };
const me = '/2026-07/advertisers/me';

test('hands out a token for 900 seconds, with a refresh token that is null', async () => {
  const { status, body } = await askToken(sandbox.url, pair);
  expect(status).toBe(200);
  expect(body).toEqual({
    access_token: expect.stringMatching(/^\S{20,}$/),
    token_type: 'Bearer',
    expires_in: 900,
    refresh_token: null,
  });
});

test.each([
  ['a wrong secret', { ...pair, client_secret: 'a b&c=d %2B' }, 401, 'invalid_client'],
  ['an unknown client', { ...pair, client_id: 'nobody' }, 401, 'invalid_client'],
  ['a missing field', { ...pair, client_secret: '' }, 400, 'invalid_request'],
  ['a field that is not documented', { ...pair, scope: 'all' }, 400, 'invalid_request'],
  ['another grant', { ...pair, grant_type: 'refresh_token' }, 400, 'unsupported_grant_type'],
])('refuses %s in the envelope of the token endpoint', async (_what, form, status, error) => {
  const reply = await askToken(sandbox.url, form);
  expect(reply.status).toBe(status);
  expect(reply.body).toEqual({ error, error_description: expect.any(String), error_uri: expect.any(String) });
});

test('can answer a wrong pair with 400', async () => {
  sandbox.setBehaviour({ invalidClientStatus: 400 });
  expect((await askToken(sandbox.url, { ...pair, client_id: 'nobody' })).status).toBe(400);
});

test('refuses a token request that is not form-encoded, in the documented words', async () => {
  const response = await fetch(`${sandbox.url}/oauth2/token`, { method: 'POST', body: JSON.stringify(pair) });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    error: 'invalid_request',
    error_description: 'The request content-type header must be "application/x-www-form-urlencoded".',
  });
  expect(sandbox.violations()).toMatchObject([{ side: 'request', path: '/oauth2/token' }]);
});

test('tells a missing, an unknown and an expired token apart', async () => {
  const client = await TestClient.connect(sandbox.url, pair);
  expect((await client.send('GET', me)).status).toBe(200);
  const missing = await client.send('GET', me, undefined, { authorization: '' });
  const unknown = await client.send('GET', me, undefined, { authorization: 'Bearer made-up' });
  time += 900_000;
  const expired = await client.send('GET', me);
  expect([missing, unknown, expired].map((reply) => [reply.status, ...codes(reply)])).toEqual([
    [401, 'authorization-token-missing'],
    [401, 'authorization-token-invalid'],
    [401, 'authorization-token-expired'],
  ]);
});

test('keeps several tokens of a client alive until it is told to expire them', async () => {
  const [first, second] = [
    await TestClient.connect(sandbox.url, pair),
    await TestClient.connect(sandbox.url, pair),
  ];
  expect([(await first.send('GET', me)).status, (await second.send('GET', me)).status]).toEqual([200, 200]);
  sandbox.expireTokens();
  expect(codes(await first.send('GET', me))).toEqual(['authorization-token-expired']);
});

test('takes a rotated secret and refuses the old one', async () => {
  sandbox.putClient({ clientId: 'app', clientSecret: 'new', advertisers: [] });
  expect((await askToken(sandbox.url, pair)).status).toBe(401);
  expect((await askToken(sandbox.url, { ...pair, client_secret: 'new' })).status).toBe(200);
});
