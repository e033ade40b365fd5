import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Sandbox, startSandbox } from './sandbox.ts';
import { askToken, codes, TestClient } from './testclient.ts';

const start = Date.parse('2026-11-22T00:00:00.500Z');
let time = start;
let sandbox: Sandbox;
const me = '/2026-07/advertisers/me';
const other = { clientId: 'other', clientSecret: 's', advertisers: [] };

beforeAll(async () => {
  sandbox = await startSandbox({ now: () => time, callsPerMinute: 2 });
});
beforeEach(() => {
  time = start;
  sandbox.reset();
});
afterAll(() => sandbox.close());

const rate = ({ headers }: { headers: Headers }) =>
  ['limit', 'remaining', 'reset'].map((name) => Number(headers.get(`x-ratelimit-${name}`)));

test('counts calls a minute for each client and says when the next window begins', async () => {
  const client = await TestClient.connect(sandbox.url);
  const reset = Math.ceil((start + 60_000) / 1000);
  expect(rate(await client.send('GET', me))).toEqual([2, 1, reset]);
  time += 30_000;
  expect(rate(await client.send('GET', me))).toEqual([2, 0, reset]);
  const refused = await client.send('GET', me);
  expect([refused.status, ...codes(refused)]).toEqual([429, 'too-many-requests']);
  expect(rate(refused)).toEqual([2, 0, reset]);
  sandbox.putClient(other);
  const second = await TestClient.connect(sandbox.url, { client_id: 'other', client_secret: 's' });
  expect((await second.send('GET', me)).status).toBe(200);
  time = reset * 1000;
  expect((await client.send('GET', me)).status).toBe(200);
});

test('leaves the token endpoint out of the count unless told otherwise', async () => {
  for (let call = 0; call < 3; call += 1) expect((await askToken(sandbox.url)).status).toBe(200);
  sandbox.setBehaviour({ countTokenCalls: true });
  for (let call = 0; call < 2; call += 1) expect((await askToken(sandbox.url)).status).toBe(200);
  expect((await askToken(sandbox.url)).status).toBe(429);
});

test('allows 250 calls a minute unless told otherwise', async () => {
  await using standard = await startDisposable();
  const client = await TestClient.connect(standard.url);
  expect(rate(await client.send('GET', me)).slice(0, 2)).toEqual([250, 249]);
});

async function startDisposable() {
  const started = await startSandbox();
  return Object.assign(started, { [Symbol.asyncDispose]: () => started.close() });
}
