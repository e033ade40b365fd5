import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CriteoConnection } from '../../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../../api/generated/criteosegmentexport.ts';
import { validateConnection, validateExport } from '../../../api/validate.ts';
import type { Plan } from '../../../controller/plan/action.ts';
import { planConnection } from '../../../controller/plan/connection.ts';
import { type ObservedExport, planExport } from '../../../controller/plan/export.ts';
import { at, connection, settings, timeAt, withLedger } from '../../../controller/plan/testkit/objects.ts';
import { observedExport } from '../../../controller/plan/testkit/plans.ts';
import { statusFaults } from '../../../controller/plan/testkit/rules.ts';
import { planUnreadable, whyUnreadable } from '../../../controller/plan/unreadable.ts';
import { connectionKeyOf, rememberedKeysOf } from '../../../controller/reconcile/caches.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { ApiServer, installCrds } from '../../support/apiserver.ts';
import { agreement, causesOf } from './generated/agreement.ts';
import { type Judged, judgedManifests, kinds, told } from './generated/batch.ts';
import { onlyTheServerChecks, rulesBeyondPatterns } from './generated/exceptions.ts';

/**
 * Manifests of both kinds, valid ones with values near each bound, and ones that were broken in one or two places.
 * The seed makes them the same ones each time; GENERATED_SEED and GENERATED_COUNT look further.
 */
const count = Number(process.env.GENERATED_COUNT ?? 10_000);
const seed = Number(process.env.GENERATED_SEED ?? 6);

/** Of either kind, before a plan takes it for one of the two. */
type Resource = Pick<CriteoConnection, 'apiVersion' | 'metadata'> & {
  kind: string;
  spec: object;
  status?: object;
};

let controlPlane: ControlPlane;
let server: ApiServer;
let judged: Judged[];

beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false });
  server = new ApiServer(controlPlane);
  await installCrds(controlPlane);
  judged = await judgedManifests(server, count, seed);
}, 300_000);

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await controlPlane?.stop();
});

/** The first few, each with its manifest: a thousand of the same would hide what is wrong. */
function first(faults: string[]): string[] {
  return faults.slice(0, 3);
}

test('valid ones are accepted, and broken ones of every kind of break are among both the accepted and the refused', () => {
  const refused = judged.filter(({ breaks, reply }) => breaks.length === 0 && reply.status !== 201);
  expect(first(refused.map((one) => `${one.reply.body.message} ${told(one)}`))).toEqual([]);
  expect(new Set(judged.map(({ reply }) => reply.status))).toEqual(new Set([201, 400, 422]));
  for (const { kind } of kinds) {
    const ofKind = judged.filter((one) => one.kind === kind);
    expect(ofKind.length).toBeGreaterThanOrEqual(count / kinds.length);
    const accepted = ofKind.filter(({ reply }) => reply.status === 201).length;
    expect(accepted / ofKind.length).toBeGreaterThan(0.2);
    expect(accepted / ofKind.length).toBeLessThan(0.8);
  }
});

test('API server and api/ accept and refuse the same, for the same fields and with the same defaults, but for the listed exceptions', () => {
  const faults = judged.flatMap((one) =>
    agreement(one.kind, one.reply, one.local).faults.map((fault) => `${fault} | ${told(one)}`),
  );
  expect(first(faults)).toEqual([]);
});

test('the exceptions are the rules of the CRDs that are more than a pattern, and each is met', () => {
  for (const { kind, schema } of kinds) {
    expect(rulesBeyondPatterns(schema).sort()).toEqual([...(onlyTheServerChecks[kind] ?? [])].sort());
    const met = new Set(
      judged
        .filter((one) => one.kind === kind)
        .flatMap((one) => agreement(one.kind, one.reply, one.local).exceptions),
    );
    expect(onlyTheServerChecks[kind]?.filter((exception) => !met.has(exception))).toEqual([]);
  }
});

test('every refusal names a field, on both sides', () => {
  const nameless = judged.filter(
    ({ reply, local }) =>
      (reply.status !== 201 && !causesOf(reply).every(({ field }) => field !== '')) ||
      (!local.ok && !local.errors.every(({ field, message }) => field !== '' && message !== '')),
  );
  expect(first(nameless.map((one) => `${one.reply.body.message} ${told(one)}`))).toEqual([]);
});

test('the controller plans whatever the API server accepts, and writes only a status that the schema takes', () => {
  const accepted = judged.filter(({ reply }) => reply.status === 201);
  const faults = accepted.flatMap((one) => {
    const object = one.reply.body as unknown as Resource;
    return plansOf(one.kind, object).flatMap(({ status }) =>
      statusFaults({ ...object, status } as CriteoConnection | CriteoSegmentExport)
        .filter((fault) => !fault.startsWith('spec.dataPrivacy.agreedOn'))
        .map((fault) => `${fault} | ${told(one)}`),
    );
  });
  expect(first(faults)).toEqual([]);
});

test('the controller says of what else may be stored, by another version of the CRD, which field is wrong', () => {
  const broken = judged.filter(({ local }) => !local.ok);
  expect(broken.length).toBeGreaterThan(count / 10);
  for (const one of broken) {
    const object = stored(one);
    const why = whyUnreadable(object as CriteoConnection | CriteoSegmentExport);
    if (why === undefined) {
      // Unknown fields of a newer release are no fault of a stored object; the defaults are the API server's.
      const read = one.kind === 'CriteoConnection' ? validateConnection(object) : validateExport(object);
      if (!read.ok) throw new Error('it cannot be read after all');
      plansOf(one.kind, read.value);
      continue;
    }
    if (one.kind === 'CriteoSegmentExport') {
      expect(connectionKeyOf(object as CriteoSegmentExport)).toHaveLength(1);
      rememberedKeysOf(object as CriteoSegmentExport);
    }
    const { status, actions, events } = planUnreadable<{ conditions?: object[] }>(object, why, at(0));
    expect(actions).toEqual([]);
    expect(events).toHaveLength(1);
    expect(status.conditions).toMatchObject([
      { type: 'Ready', status: 'False', message: expect.stringMatching(/^(spec|status)[ .]/) },
      { type: 'Stalled', status: 'True' },
    ]);
    expect(planUnreadable({ ...object, status }, why, at(60))).toMatchObject({ status, events: [] });
  }
});

const ready = connection({ spec: withLedger });

function plansOf(kind: string, object: Resource): Plan<object>[] {
  return kind === 'CriteoConnection'
    ? [connectionPlan(object as CriteoConnection)]
    : exportPlans(object as CriteoSegmentExport);
}

function connectionPlan(object: CriteoConnection): Plan<object> {
  const allowed = { ...settings, allowedBaseUrls: [object.spec.api.baseUrl.replace(/\/$/, '')] };
  const seen = {
    connection: object,
    jobs: [],
    pods: [],
    ledgerClaim: undefined,
    credentialsFailedAt: undefined,
  };
  return planConnection(seen, at(0), allowed);
}

/** With no connection, with one that rests, and with one that is Ready and has a ledger. */
function exportPlans(object: CriteoSegmentExport): Plan<object>[] {
  const { name } = object.spec.connectionRef;
  const used = { ...ready, metadata: { ...ready.metadata, name } };
  const resting = { ...used, spec: { ...used.spec, suspend: true } };
  const asks = { 'segmentexport.io/requestedAt': timeAt(-1), 'segmentexport.io/planRequestedAt': timeAt(-1) };
  const asking = {
    ...object,
    metadata: { ...object.metadata, creationTimestamp: timeAt(-60), annotations: asks },
  };
  const seen = (one: CriteoConnection | undefined): ObservedExport =>
    observedExport({
      export: asking,
      connection: one,
      remembered: new Map([[name, { connection: one, otherRuns: 0 }]]),
    });
  return [undefined, resting, used].map((one) => planExport(seen(one), at(0), settings));
}

/** As the API server would serve it. */
function stored({ kind, object }: Judged): Resource {
  const metadata = {
    name: 'stored',
    namespace: 'shop',
    uid: 'uid-of-it',
    generation: 1,
    creationTimestamp: timeAt(-60),
  };
  return {
    ...object,
    apiVersion: 'segmentexport.io/v1alpha1',
    kind,
    metadata,
  } as unknown as Resource;
}
