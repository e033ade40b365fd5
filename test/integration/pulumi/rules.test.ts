import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokenRules } from '../../../pulumi/celrules.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { ApiServer, installCrds } from '../../support/apiserver.ts';
import { type Judged, judgedManifests, kinds, told } from '../crds/generated/batch.ts';

/** Manifests that are valid, or broken in one or two places; GENERATED_SEED and GENERATED_COUNT look further. */
const count = Number(process.env.GENERATED_COUNT ?? 4_000);
const seed = Number(process.env.GENERATED_SEED ?? 8);

let controlPlane: ControlPlane;
let server: ApiServer;
/** Those with which api/ finds no fault: what is wrong with them, only a rule in CEL can tell. */
let judged: (Judged & { broken: string[] })[];

beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false });
  server = new ApiServer(controlPlane);
  await installCrds(controlPlane);
  judged = (await judgedManifests(server, count, seed)).flatMap((one) => {
    const schema = kinds.find(({ kind }) => kind === one.kind)?.schema;
    if (!one.local.ok || !schema) return [];
    const broken = brokenRules(schema as never, one.local.value);
    return [{ ...one, broken: broken.map(({ field, message }) => `${field} ${message}`) }];
  });
}, 300_000);

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await controlPlane?.stop();
});

test('a preview accepts what the API server accepts', () => {
  const accepted = judged.filter(({ reply }) => reply.status === 201);
  expect(accepted.length).toBeGreaterThan(count / 10);
  const wrong = accepted.filter(({ broken }) => broken.length > 0);
  expect(wrong.slice(0, 3).map((one) => `${one.broken.join()} | ${told(one)}`)).toEqual([]);
});

test('a preview refuses what the API server refuses for a rule', () => {
  const refused = judged.filter(
    ({ reply }) => reply.status === 422 && !(reply.body.details?.causes ?? []).every(isForTheServer),
  );
  expect(refused.length).toBeGreaterThan(count / 100);
  const missed = refused.filter(({ broken }) => broken.length === 0);
  expect(missed.slice(0, 3).map((one) => `${one.reply.body.message} | ${told(one)}`)).toEqual([]);
});

/** What a preview leaves to the API server. */
function isForTheServer({ field = '', message = '' }: { field?: string; message?: string }): boolean {
  return (
    // Kubernetes' own.
    field.startsWith('metadata') ||
    // Nothing is there, or something that may say so: a preview does not know.
    message.includes('must be true to create a connection') ||
    // Node takes names of time zones in upper and lower case alike.
    field === 'spec.schedule.timeZone'
  );
}
