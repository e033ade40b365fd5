import { describe, expect, test } from 'vitest';
import type { KubeClient } from './client.ts';
import type { Clock } from './clock.ts';
import { ApiError } from './errors.ts';
import { FakeClock } from './fakeclock.ts';
import { LeaderElector, type LeaderElectorOptions, type Lease } from './leaderelection.ts';

type Verb = 'get' | 'create' | 'update';

/** One Lease, with the API server's optimistic lock. */
class FakeLeases {
  lease: Lease | undefined;
  writes = 0;

  /** The client of one replica, whose connection `fault` can break. */
  client(fault: (verb: Verb) => Promise<void> | undefined): Pick<KubeClient, Verb> {
    const call = async (verb: Verb, body?: Lease) => {
      await fault(verb);
      if (verb === 'create' && this.lease) throw error(409, 'AlreadyExists');
      if (verb !== 'create' && !this.lease) throw error(404, 'NotFound');
      if (verb === 'update' && body?.metadata.resourceVersion !== this.lease?.metadata.resourceVersion)
        throw error(409, 'Conflict');
      if (body) this.put(body);
      return structuredClone(this.lease);
    };
    return {
      get: () => call('get'),
      create: (_resource: unknown, body: Lease) => call('create', body),
      update: (_resource: unknown, body: Lease) => call('update', body),
    } as unknown as Pick<KubeClient, Verb>;
  }

  put(body: Lease): void {
    this.writes += 1;
    this.lease = structuredClone({
      ...body,
      metadata: { ...body.metadata, resourceVersion: String(this.writes) },
    });
  }

  get holder(): string | undefined {
    return this.lease?.spec?.holderIdentity;
  }
}

const error = (statusCode: number, reason: string) => new ApiError({ statusCode, reason, message: reason });

function setUp() {
  const clock = new FakeClock();
  const leases = new FakeLeases();
  return {
    clock,
    leases,
    replica: (identity: string, options: ReplicaOptions = {}) =>
      startReplica(identity, leases, clock, options),
  };
}

interface ReplicaOptions extends Partial<LeaderElectorOptions> {
  /** What leading does; until its signal aborts unless told. */
  lead?: (signal: AbortSignal) => Promise<void>;
}

function startReplica(
  identity: string,
  leases: FakeLeases,
  clock: FakeClock,
  { lead, ...options }: ReplicaOptions,
) {
  const stop = new AbortController();
  const log: string[] = [];
  const broken: { fault: ((verb: Verb) => Promise<void>) | undefined } = { fault: undefined };
  const elector = new LeaderElector({
    client: leases.client((verb) => broken.fault?.(verb)),
    namespace: 'ns',
    name: 'controller',
    identity,
    clock,
    random: () => 0.5,
    ...options,
  });
  const untilAborted = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve());
    });
  elector
    .run(async (signal) => {
      log.push('leads');
      await (lead ?? untilAborted)(signal);
      log.push('ended');
    }, stop.signal)
    .then(
      (outcome) => log.push(outcome),
      (thrown) => log.push(`rejected: ${thrown.message}`),
    );
  return {
    log,
    elector,
    stop: () => stop.abort(),
    setFault: (fault: ((verb: Verb) => Promise<void>) | undefined) => {
      broken.fault = fault;
    },
  };
}

describe('leader election', () => {
  test('the first takes the lease, with times as the API server wants them, and renews it', async () => {
    const { clock, leases, replica } = setUp();
    const a = replica('a');
    await clock.advance(0);
    expect(a.log).toEqual(['leads']);
    expect(leases.lease?.spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    });
    await clock.advance(60_000);
    expect(a.elector.isLeader()).toBe(true);
    expect(a.elector.check()).toBeUndefined();
    expect(leases.lease?.spec).toMatchObject({
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:01:00.000000Z',
    });
    // One request each two seconds, no reads in between.
    expect(leases.writes).toBe(31);
  });

  test('the second waits as long as the first renews, however wrong its clock is', async () => {
    const { clock, replica } = setUp();
    replica('a');
    await clock.advance(1);
    const ahead: Clock = {
      now: () => clock.now() + 3_600_000,
      monotonic: () => clock.monotonic(),
      setTimeout: (fn, ms) => clock.setTimeout(fn, ms),
    };
    const b = replica('b', { clock: ahead });
    await clock.advance(300_000);
    expect(b.log).toEqual([]);
  });

  test('a stopped leader releases the lease, and the next takes it at its next look', async () => {
    const { clock, leases, replica } = setUp();
    const a = replica('a');
    await clock.advance(1);
    const seen: string[] = [];
    const b = replica('b', { onNewLeader: (identity) => seen.push(identity) });
    await clock.advance(10_000);
    a.stop();
    await clock.advance(1);
    expect(a.log).toEqual(['leads', 'ended', 'stopped']);
    expect(leases.lease?.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    await clock.advance(4_400);
    expect(b.log).toEqual(['leads']);
    expect(leases.lease?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
    expect(seen).toEqual(['a', 'b']);
  });

  test('a leader that is cut off gives up before another can begin', async () => {
    const { clock, replica } = setUp();
    const a = replica('a');
    await clock.advance(1);
    const b = replica('b');
    await clock.advance(5_000);
    a.setFault(() => Promise.reject(error(0, 'Network')));
    let both = 0;
    for (let second = 0; second < 40; second++) {
      await clock.advance(1_000);
      if (a.elector.isLeader() && b.elector.isLeader()) both += 1;
    }
    expect(both).toBe(0);
    expect(a.log).toEqual(['leads', 'ended', 'lost']);
    expect(b.log).toEqual(['leads']);
  });

  test('an API server that is away for less than the deadline costs nobody the lease', async () => {
    const { clock, replica } = setUp();
    const a = replica('a');
    await clock.advance(10_000);
    a.setFault(() => Promise.reject(error(503, 'ServiceUnavailable')));
    await clock.advance(7_000);
    a.setFault(undefined);
    await clock.advance(60_000);
    expect(a.log).toEqual(['leads']);
  });

  test('requests that hang do not outlast the deadline', async () => {
    const { clock, leases, replica } = setUp();
    const client = leases.client(() => undefined);
    let hang = false;
    // As KubeClient does: rejects when the request's signal aborts.
    const update: KubeClient['update'] = (resource, object, options) =>
      hang
        ? new Promise((_, reject) =>
            options?.signal?.addEventListener('abort', () => reject(error(0, 'Aborted'))),
          )
        : client.update(resource, object, options);
    const a = replica('a', { client: { ...client, update } });
    await clock.advance(2_000);
    hang = true;
    await clock.advance(9_999);
    expect(a.log).toEqual(['leads']);
    await clock.advance(1);
    expect(a.log).toEqual(['leads', 'ended', 'lost']);
  });

  test('a lease that somebody else took is lost at the next renewal', async () => {
    const { clock, leases, replica } = setUp();
    const a = replica('a');
    await clock.advance(1);
    leases.put({ metadata: {}, spec: { holderIdentity: 'thief' } });
    await clock.advance(2_000);
    expect(a.log).toEqual(['leads', 'ended', 'lost']);
    expect(leases.holder).toBe('thief');
  });

  test('a lease that somebody annotated is not', async () => {
    const { clock, leases, replica } = setUp();
    const a = replica('a');
    await clock.advance(1);
    leases.put({ ...leases.lease, metadata: { annotations: { seen: 'yes' } } });
    await clock.advance(60_000);
    expect(a.log).toEqual(['leads']);
  });

  test('stopping keeps the lease until the work has ended', async () => {
    const { clock, leases, replica } = setUp();
    let finish = () => {};
    const a = replica('a', {
      lead: () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    });
    await clock.advance(1);
    const b = replica('b');
    a.stop();
    await clock.advance(60_000);
    expect([leases.holder, b.log]).toEqual(['a', []]);
    finish();
    await clock.advance(5_000);
    expect([leases.holder, b.log]).toEqual(['b', ['leads']]);
  });

  test.each([
    ['ends', () => Promise.resolve(), ['leads', 'ended', 'stopped']],
    ['fails', () => Promise.reject(new Error('no port')), ['leads', 'rejected: no port']],
  ])('work that %s by itself frees the lease', async (_, lead, log) => {
    const { clock, leases, replica } = setUp();
    const a = replica('a', { lead });
    await clock.advance(1);
    expect(a.log).toEqual(log);
    expect(leases.holder).toBe('');
  });

  test('one that is stopped while it waits never leads', async () => {
    const { clock, replica } = setUp();
    replica('a');
    await clock.advance(1);
    const b = replica('b');
    await clock.advance(10_000);
    b.stop();
    await clock.advance(60_000);
    expect(b.log).toEqual(['stopped']);
  });

  test('one that lost can try again in the same process', async () => {
    const { clock, leases, replica } = setUp();
    const a = replica('a');
    await clock.advance(1);
    a.setFault(() => Promise.reject(error(0, 'Network')));
    await clock.advance(12_000);
    expect(a.log.at(-1)).toBe('lost');
    a.setFault(undefined);
    const again: string[] = [];
    const stop = new AbortController();
    void a.elector.run(async () => void again.push('leads'), stop.signal);
    await clock.advance(1);
    expect(again).toEqual(['leads']);
    expect(leases.writes).toBeGreaterThan(2);
  });

  test('durations that cannot work are refused', () => {
    const { replica } = setUp();
    expect(() => replica('a', { renewDeadlineMs: 20_000 })).toThrow(
      'leaseDurationMs (15000) must exceed renewDeadlineMs (20000), and that retryPeriodMs (2000)',
    );
  });
});
