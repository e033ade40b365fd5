import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labels, managedBy } from '../../../api/names.ts';
import { parseFlags } from '../../../controller/flags.ts';
import type { Job } from '../../../controller/plan/kubernetes.ts';
import type { Settings } from '../../../controller/plan/settings.ts';
import { jobRules } from '../../../deploy/jobrules.ts';
import { waitFor } from '../../cluster/wait.ts';
import { ApiServer, type Reply } from '../../support/apiserver.ts';
import { exporterImage } from '../../support/controllerprocess.ts';
import { installIdentity, startWorld, type World } from '../controller/world.ts';
import { attempts, listedAttempts, partsOf } from './breakout.ts';
import { exampleCronJob, jobShapes } from './jobshapes.ts';

/** What the controller's own token can be made to do, once it is in the wrong hands: what is said here, and no more. */

const extraFlags = [
  '--job-https-proxy=http://proxy.example:3128',
  '--job-no-proxy=.svc',
  '--ca-bundle-configmap=authorities',
  '--image-pull-secret=registry',
  '--allowed-job-label=team',
  '--allowed-job-label=example.com/',
  '--allowed-priority-class=batch-low',
  '--allowed-toleration=batch',
];
const plain = settingsOf([]);
const withFlags = settingsOf(extraFlags);

function settingsOf(flags: string[]): Settings {
  const parsed = parseFlags([`--exporter-image=${exporterImage}`, ...flags]);
  if (parsed === 'help') throw new Error('no flags');
  return parsed.settings;
}

const jobs = '/apis/batch/v1/namespaces/default/jobs';
const cronJobs = '/apis/batch/v1/namespaces/default/cronjobs';
const claims = '/api/v1/namespaces/default/persistentvolumeclaims';
const exports = '/apis/segmentexport.io/v1alpha1/namespaces/default/criteosegmentexports';

let world: World;
/** The controller's own identity, and that of an installation with every flag that shapes Jobs. */
let controller: ApiServer;
let controllerWithFlags: ApiServer;

beforeAll(async () => {
  world = await startWorld();
  const { controlPlane } = world;
  const token = await installIdentity(controlPlane.kubeconfigPath, {
    namespace: 'with-flags',
    watchedNamespaces: ['default'],
    extraFlags,
  });
  controller = new ApiServer(controlPlane, world.controllerToken);
  controllerWithFlags = new ApiServer(controlPlane, token);
  // The API server learns of a policy, and of a right, a moment after it was stored.
  for (const identity of [controller, controllerWithFlags]) {
    await waitFor('the policy to be in force', 30_000, async () => {
      const { status, body } = await identity.dryRunCreate(jobs, foreignJob());
      return status === 403 && body.message?.includes('ValidatingAdmissionPolicy') ? true : undefined;
    });
  }
});
afterAll(async () => {
  await controller?.[Symbol.asyncDispose]();
  await controllerWithFlags?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

function aJob(settings = plain, shape = 'a run of a file, with a ledger on a volume'): Job {
  const job = jobShapes(settings)[shape];
  if (!job) throw new Error('there is no such Job');
  return structuredClone(job);
}

/** Without labels it would get those of its pods. */
function foreignJob(): Job {
  return { ...aJob(), metadata: { name: 'foreign', labels: { app: 'payments' } } };
}

function expectRefused({ status, body }: Reply, policy: string, refusal: string): void {
  expect(body.message ?? 'it was accepted').toContain(refusal);
  expect(body.message).toContain(
    `ValidatingAdmissionPolicy 'controller-${policy}.criteo-segment-export.segmentexport.io'`,
  );
  expect(status).toBe(403);
}

describe('with the token of the controller, a Job is refused that has', () => {
  test.concurrent.each(attempts)('$by', async ({ refusal, change, inCronJobs = true }) => {
    const job = aJob();
    change(partsOf(job.spec));
    expectRefused(await controller.dryRunCreate(jobs, job), 'jobs', refusal);

    if (!inCronJobs) return;
    const cronJob = structuredClone(exampleCronJob(plain));
    change(partsOf(cronJob.spec.jobTemplate.spec));
    expectRefused(await controller.dryRunCreate(cronJobs, cronJob), 'jobs', refusal);
  });

  test.concurrent.each(listedAttempts)('$by, in an installation that allows others', async (attempt) => {
    const job = aJob(withFlags, 'a run of a file, with all that the flags allow, with no ledger');
    expect(partsOf(job.spec).pod).toMatchObject({ priorityClassName: 'batch-low' });
    expect((await controllerWithFlags.dryRunCreate(jobs, job)).status).toBe(201);
    attempt.change(partsOf(job.spec));
    const { status, body } = await controllerWithFlags.dryRunCreate(jobs, job);
    expect(body.message ?? 'it was accepted').toContain(attempt.refusal);
    expect(status).toBe(403);
  });

  test('no label of ours', async () => {
    expectRefused(
      await controller.dryRunCreate(jobs, foreignJob()),
      'jobs',
      'The controller touches only Jobs and CronJobs with the label',
    );
  });

  test('anything that a rule is for: no rule is without an attempt', () => {
    const [touchesOwn, ...rules] = jobRules(plain).map(({ message }) => message.replace(/\.$/, ''));
    expect(touchesOwn).toContain('with the label');
    for (const rule of rules) {
      expect(attempts.some(({ refusal }) => rule.startsWith(refusal) || refusal.startsWith(rule))).toBe(true);
    }
  });
});

describe('the controller may make', () => {
  test.concurrent.each(Object.entries(jobShapes(plain)))('%s', async (_, job) => {
    expect((await controller.dryRunCreate(jobs, job)).body.message).toBeUndefined();
  });

  test.concurrent.each(Object.entries(jobShapes(withFlags)))(
    '%s, by an installation with flags',
    async (_, job) => {
      expect((await controllerWithFlags.dryRunCreate(jobs, job)).body.message).toBeUndefined();
      // Nor are the proxy and the authorities of one installation those of another.
      expect((await controller.dryRunCreate(jobs, job)).status).toBe(403);
    },
  );

  test('a CronJob', async () => {
    expect((await controller.dryRunCreate(cronJobs, exampleCronJob(plain))).body.message).toBeUndefined();
  });
});

describe('of what is there, the controller', () => {
  const ours = { [labels.managedBy]: managedBy };

  /** As a person made it, held. */
  async function madeJob(name: string, own: Record<string, string>, image: string): Promise<string> {
    const job = aJob();
    Object.assign(partsOf(job.spec).container, { image });
    await create(jobs, { ...job, metadata: { name, labels: own } });
    return `${jobs}/${name}`;
  }

  async function madeCronJob(name: string, own: Record<string, string>, image: string): Promise<string> {
    const cronJob = structuredClone(exampleCronJob(plain));
    Object.assign(partsOf(cronJob.spec.jobTemplate.spec).container, { image });
    await create(cronJobs, { ...cronJob, metadata: { name, labels: own } });
    return `${cronJobs}/${name}`;
  }

  async function create(path: string, object: object): Promise<void> {
    const { body, status } = await world.api.call(path, { method: 'POST', body: object });
    expect(`${status} ${body.message}`).toBe('201 undefined');
  }

  const suspend = (value: boolean) => ({ spec: { suspend: value } });
  const foreign = 'The controller touches only Jobs and CronJobs with the label';
  const otherImage = "The controller's Jobs run the image that it was installed with, and no other";

  test('releases a Job that a person made from a template of its own', async () => {
    const path = await madeJob('by-hand', ours, exporterImage);
    expect((await controller.dryRunPatch(path, suspend(false))).status).toBe(200);
  });

  test('does not release a Job with our labels that runs something else, and may hold or remove it', async () => {
    const path = await madeJob('disguised', ours, 'other.example/other');
    expectRefused(await controller.dryRunPatch(path, suspend(false)), 'jobs', otherImage);
    expect((await controller.dryRunPatch(path, suspend(true))).status).toBe(200);
    const removed = await controller.call(path, { method: 'DELETE', query: { dryRun: 'All' } });
    expect(removed.status).toBe(200);
  });

  test("neither holds, nor releases, nor removes a Job of somebody else's", async () => {
    const path = await madeJob('foreign', { app: 'payments' }, exporterImage);
    expectRefused(await controller.dryRunPatch(path, suspend(true)), 'jobs', foreign);
    expectRefused(await controller.dryRunPatch(path, suspend(false)), 'jobs', foreign);
    expectRefused(await controller.dryRunPatch(path, { metadata: { labels: ours } }), 'jobs', foreign);
    const removed = await controller.call(path, { method: 'DELETE', query: { dryRun: 'All' } });
    expectRefused(removed, 'jobs', foreign);
  });

  test('rests a CronJob of an image of before an upgrade, and does not start it again', async () => {
    const path = await madeCronJob('old', ours, 'registry.example/criteo-segment-export:old');
    expect((await controller.dryRunPatch(path, suspend(true))).status).toBe(200);
    expectRefused(await controller.dryRunPatch(path, suspend(false)), 'jobs', otherImage);
    expectRefused(
      await controller.dryRunPatch(path, {
        spec: { suspend: true, jobTemplate: { spec: { parallelism: 9 } } },
      }),
      'jobs',
      "The controller's Jobs have one pod at a time.",
    );
  });

  test("does not rest a CronJob of somebody else's", async () => {
    const path = await madeCronJob('backup', { app: 'backup' }, 'other.example/backup');
    expectRefused(await controller.dryRunPatch(path, suspend(true)), 'jobs', foreign);
  });
});

describe('a volume claim is refused that', () => {
  const claim = (spec: object, own: Record<string, string> = { [labels.managedBy]: managedBy }): object => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'ledger', labels: own },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  });
  const empty = 'The controller makes empty volumes only.';

  test.each([
    ['names a volume', { volumeName: 'of-another-namespace' }],
    ['chooses a volume', { selector: { matchLabels: { app: 'payments' } } }],
    ['copies another claim', { dataSource: { kind: 'PersistentVolumeClaim', name: 'data' } }],
  ])('%s', async (_, spec) => {
    expectRefused(await controller.dryRunCreate(claims, claim(spec)), 'claims', empty);
  });

  test('is not marked as ours', async () => {
    const reply = await controller.dryRunCreate(claims, claim({}, {}));
    expectRefused(reply, 'claims', 'The controller makes claims with the label app.kubernetes.io/managed-by');
  });

  test('has none of these: such a one is made', async () => {
    const made = await controller.dryRunCreate(claims, claim({ storageClassName: 'fast' }));
    expect(made.body.message).toBeUndefined();
  });
});

describe('of an export, the controller', () => {
  const path = `${exports}/newsletter`;
  const other = 'The controller changes nothing of an export but its own finalizer segmentexport.io/retire.';
  beforeAll(async () => {
    const { body, status } = await world.api.call(exports, {
      method: 'POST',
      body: {
        apiVersion: 'segmentexport.io/v1alpha1',
        kind: 'CriteoSegmentExport',
        metadata: { name: 'newsletter', finalizers: ['example.com/kept'] },
        spec: {
          connectionRef: { name: 'nordic' },
          match: { email: { field: 'email' } },
          source: { file: { persistentVolumeClaim: { claimName: 'data' }, path: 'people.csv' } },
          segments: [{ name: 'readers' }],
        },
      },
    });
    expect(`${status} ${body.message}`).toBe('201 undefined');
  });

  test.each([
    ['the definition', { spec: { segments: [{ name: 'everybody' }] } }],
    ['an approval', { metadata: { annotations: { 'segmentexport.io/approvedRun': 'newsletter-req-1' } } }],
  ])('does not change %s', async (_, patch) => {
    // It is refused twice, and the API server tells one of both: it has no right to use the connection, either.
    const { status, body } = await controller.dryRunPatch(path, patch);
    expect(status).toBe(403);
    expect(body.message).toContain('denied request');
  });

  test.each([
    ['a label', { metadata: { labels: { app: 'payments' } } }],
    ["another's finalizer", { metadata: { finalizers: ['segmentexport.io/retire'] } }],
  ])('does not change %s', async (_, patch) => {
    expectRefused(await controller.dryRunPatch(path, patch), 'exports', other);
  });

  test('does not change an owner', async () => {
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: 'gone' };
    const { status } = await controller.dryRunPatch(path, { metadata: { ownerReferences: [owner] } });
    // By which of two rules depends on the cluster.
    expect(status).toBe(403);
  });

  test('puts its finalizer on, and takes it off', async () => {
    const on = { metadata: { finalizers: ['example.com/kept', 'segmentexport.io/retire'] } };
    expect((await world.api.call(path, merge(on))).status).toBe(200);
    expect((await controller.dryRunPatch(path, on)).status).toBe(200);
    const off = { metadata: { finalizers: ['example.com/kept'] } };
    expect((await controller.dryRunPatch(path, off)).status).toBe(200);
  });

  const merge = (body: object) => ({
    method: 'PATCH' as const,
    contentType: 'application/merge-patch+json',
    body,
  });
});

describe('its Role gives no right to', () => {
  const ownPolicy = 'controller-jobs.criteo-segment-export.segmentexport.io';
  test.each([
    ['get', '/api/v1/namespaces/default/secrets/any'],
    ['list', '/api/v1/secrets'],
    ['list', '/api/v1/namespaces/default/configmaps'],
    ['create', '/api/v1/namespaces/default/pods'],
    ['create', '/api/v1/namespaces/default/pods/any/exec'],
    ['create', '/api/v1/namespaces/default/pods/any/ephemeralcontainers'],
    ['create', '/api/v1/namespaces/default/serviceaccounts/default/token'],
    ['create', '/apis/apps/v1/namespaces/default/deployments'],
    ['create', '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings'],
    ['delete', `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/${ownPolicy}`],
    ['delete', `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/${ownPolicy}`],
    ['delete', `${claims}/any`],
    ['delete', `${exports}/newsletter`],
    ['create', exports],
  ])('%s %s', async (verb, path) => {
    const method = { get: 'GET', list: 'GET', create: 'POST', delete: 'DELETE' }[verb];
    const { status, body } = await controller.call(path, {
      method: method as 'GET' | 'POST' | 'DELETE',
      ...(verb === 'create' ? { body: {} } : {}),
    });
    expect(status).toBe(403);
    expect(body.message).toMatch(/User "system:serviceaccount:[^"]*" cannot /);
  });
});

test('the API server finds nothing wrong with the types in the policies', async () => {
  const path = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
  for (const name of ['jobs', 'claims', 'exports']) {
    const checked = await waitFor(`the check of the policy ${name}`, 30_000, async () => {
      const { body } = await world.api.call(
        `${path}/controller-${name}.criteo-segment-export.segmentexport.io`,
      );
      return (body.status as { typeChecking?: { expressionWarnings?: unknown } } | undefined)?.typeChecking;
    });
    expect(checked.expressionWarnings).toBeUndefined();
  }
});
