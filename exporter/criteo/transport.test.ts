import { describe, expect, test } from 'vitest';
import { fakeClock, never, type Scripted, scripted, silentLog } from '../testkit.ts';
import type { HttpRequest } from './exchange.ts';
import { limitsOf, Transport, Unclear } from './transport.ts';

const request: HttpRequest = { method: 'GET', url: 'https://criteo.example/x', headers: {} };
const limits = { callTimeoutMs: 1000, retryBudgetMs: 10_000, throttleBudgetMs: 10_000 };

function transportOf(...replies: Scripted[]) {
  const exchange = scripted(...replies);
  const clock = fakeClock();
  return { exchange, clock, transport: new Transport(exchange, limits, clock, silentLog, never) };
}

describe('send', () => {
  test.each(['Unreachable', 'Timeout', { status: 500 }, { status: 503 }] as const)(
    'tries again after %j, waiting longer each time',
    async (failure) => {
      const { transport, clock, exchange } = transportOf(failure, failure, { status: 200 });
      expect((await transport.send(request)).status).toBe(200);
      expect(exchange.requests).toHaveLength(3);
      expect(transport.calls).toBe(3);
      expect(clock.slept).toEqual([750, 1500]);
    },
  );

  test.each([200, 400, 401, 403, 404, 410, 413])('hands a %i back at once', async (status) => {
    const { transport, clock } = transportOf({ status });
    expect((await transport.send(request)).status).toBe(status);
    expect(clock.slept).toEqual([]);
  });

  test('does not repeat a call that must not be made twice', async () => {
    const { transport, exchange } = transportOf('Timeout');
    await expect(transport.send(request, { repeat: 'never' })).rejects.toBeInstanceOf(Unclear);
    expect(exchange.requests).toHaveLength(1);
  });

  test('repeats even that one after a 429, which says that nothing was done', async () => {
    const { transport } = transportOf({ status: 429 }, { status: 200 });
    expect((await transport.send(request, { repeat: 'never' })).status).toBe(200);
    expect(transport.throttledMs).toBeGreaterThan(0);
  });

  test('gives up once the budget of the whole run is spent, with the last status', async () => {
    const { transport } = transportOf(...Array<Scripted>(20).fill({ status: 502 }));
    await expect(transport.send(request)).rejects.toMatchObject({
      reason: 'CriteoUnavailable',
      details: { status: 502 },
    });
    await expect(transport.send(request)).rejects.toMatchObject({ reason: 'CriteoUnavailable' });
  });

  test('does not try again where the certificate is not trusted', async () => {
    const { transport, exchange } = transportOf('NotTrusted');
    await expect(transport.send(request)).rejects.toMatchObject({ reason: 'TlsNotTrusted' });
    expect(exchange.requests).toHaveLength(1);
  });

  test.each([
    [{}, undefined],
    [{ deprecation: 'false' }, undefined],
    [{ deprecation: 'true' }, {}],
    [{ deprecation: 'true', sunset: 'Fri, 02 Jul 2027 00:00:00 GMT' }, { sunset: '2027-07-02' }],
    [{ sunset: 'nonsense' }, {}],
  ])('headers %j mean the deprecation %j', async (headers, expected) => {
    const { transport } = transportOf({ headers });
    await transport.send(request);
    expect(transport.deprecated).toEqual(expected);
  });
});

test('a check of a Criteo that never answers ends within 45 s', async () => {
  const clock = fakeClock(0.999);
  const start = clock.now();
  const hanging = new Transport(
    async (_, timeoutMs) => {
      clock.advance(timeoutMs);
      return { status: 504, headers: {}, json: undefined };
    },
    limitsOf.Check,
    clock,
    silentLog,
    never,
  );
  await expect(hanging.send(request)).rejects.toMatchObject({ reason: 'CriteoUnavailable' });
  expect(clock.now() - start).toBeLessThanOrEqual(45_000);
});
