import { describe, expect, test } from 'vitest';
import { type FakeClock, fakeClock, never, type Scripted, scripted, silentLog } from '../testkit.ts';
import { Client } from './client.ts';
import { Transport } from './transport.ts';

const limits = { callTimeoutMs: 1000, retryBudgetMs: 60_000, throttleBudgetMs: 60_000 };
const token = (text: string): Scripted => ({
  json: { access_token: text, token_type: 'Bearer', expires_in: 900 },
});

function clientOf(...replies: Scripted[]) {
  const exchange = scripted(...replies);
  const clock: FakeClock = fakeClock();
  const transport = new Transport(exchange, limits, clock, silentLog, never);
  const api = { baseUrl: 'https://criteo.example/', version: '2026-07' };
  const client = new Client(transport, api, { clientId: 'id', clientSecret: 'a+b/c=' }, clock);
  const tokens = () => exchange.requests.flatMap(({ headers }) => headers.authorization ?? []);
  return { client, exchange, clock, tokens };
}
const get = { method: 'GET', path: '/advertisers/me' } as const;

describe('the token', () => {
  test('is asked for with the credentials form-encoded, and goes with the calls of the version', async () => {
    const { client, exchange } = clientOf(token('one'), {});
    await client.call(get);
    expect(exchange.requests).toEqual([
      expect.objectContaining({
        method: 'POST',
        url: 'https://criteo.example/oauth2/token',
        headers: expect.objectContaining({ 'content-type': 'application/x-www-form-urlencoded' }),
        body: 'grant_type=client_credentials&client_id=id&client_secret=a%2Bb%2Fc%3D',
      }),
      expect.objectContaining({
        url: 'https://criteo.example/2026-07/advertisers/me',
        headers: expect.objectContaining({ authorization: 'Bearer one' }),
      }),
    ]);
  });

  test('is used again until a minute before it expires', async () => {
    const { client, clock, tokens } = clientOf(token('one'), {}, {}, token('two'), {});
    await client.call(get);
    clock.advance(839_000);
    await client.call(get);
    clock.advance(1_000);
    await client.call(get);
    expect(tokens()).toEqual(['Bearer one', 'Bearer one', 'Bearer two']);
  });

  test('is renewed once where it is refused; the second refusal is final', async () => {
    const mended = clientOf(token('one'), { status: 401 }, token('two'), {});
    await mended.client.call(get);
    expect(mended.tokens()).toEqual(['Bearer one', 'Bearer two']);
    const refused = clientOf(token('one'), { status: 401 }, token('two'), { status: 401 });
    await expect(refused.client.call(get)).rejects.toMatchObject({ status: 401 });
  });

  test.each([
    [400, { error: 'invalid_client' }, 'CredentialsRefused', { status: 400, code: 'invalid-client' }],
    [401, undefined, 'CredentialsRefused', { status: 401 }],
    [
      400,
      { error: 'invalid_request', error_description: 'x' },
      'CriteoRefused',
      { status: 400, code: 'invalid-request' },
    ],
    [404, undefined, 'CriteoRefused', { status: 404 }],
    [200, {}, 'CriteoReplyInvalid', { status: 200 }],
    [200, { access_token: 'a\r\nb' }, 'CriteoReplyInvalid', { status: 200 }],
  ])('a token call that answers %i %j is %s', async (status, json, reason, details) => {
    const { client } = clientOf({ status, json });
    await expect(client.call(get)).rejects.toMatchObject({ reason, details });
  });
});

describe('callStrictly', () => {
  const failure = (type: string): Scripted => ({ json: { errors: [{ type, code: 'some-code' }] } });

  test('tries again where a 200 tells of missing capacity', async () => {
    const { client } = clientOf(token('one'), failure('availability'), failure('quota'), {
      json: { data: [] },
    });
    expect(await client.callStrictly(get)).toEqual({ data: [] });
  });

  test('fails where a 200 tells of anything else', async () => {
    const { client } = clientOf(token('one'), failure('validation'));
    await expect(client.callStrictly(get)).rejects.toMatchObject({ status: 200 });
  });
});

test.each([undefined, null, [], 'text'])('a 200 whose body is %j is no reply', async (json) => {
  const { client } = clientOf(token('one'), { json });
  await expect(client.call(get)).rejects.toMatchObject({ reason: 'CriteoReplyInvalid' });
});
