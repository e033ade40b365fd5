import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { kubectl } from '../../cluster/kubectl.ts';
import { waitFor } from '../../cluster/wait.ts';
import { ApiServer, installCrds } from '../../support/apiserver.ts';
import { collectionOf } from './manifests.ts';

let controlPlane: ControlPlane;
let server: ApiServer;

beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false });
  server = new ApiServer(controlPlane);
  await installCrds(controlPlane);
  await apply('', ...rights);
  // The API server learns of a policy a moment after it was stored.
  await waitFor('the policy to be in force', 30_000, async () =>
    (await refusal(writer, exportOf('probe', 'crm-exports')))?.includes('the service account')
      ? true
      : undefined,
  );
  // And of a right, by another watch.
  await waitFor('the right to use the service account', 30_000, async () =>
    (await refusal(user, exportOf('probe', 'crm-exports'))) === undefined ? true : undefined,
  );
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await controlPlane?.stop();
});

/** May write exports, and use no service account. */
const writer = 'writer';
/** The same, and may use the service account crm-exports. */
const user = 'user-of-crm-exports';

const rbac = 'rbac.authorization.k8s.io';
const subjects = (...names: string[]) => names.map((name) => ({ apiGroup: rbac, kind: 'User', name }));
const role = (name: string, ...rules: object[]): object => ({
  apiVersion: `${rbac}/v1`,
  kind: 'Role',
  metadata: { name, namespace: 'default' },
  rules,
});
const binding = (name: string, ...names: string[]): object => ({
  apiVersion: `${rbac}/v1`,
  kind: 'RoleBinding',
  metadata: { name, namespace: 'default' },
  roleRef: { apiGroup: rbac, kind: 'Role', name },
  subjects: subjects(...names),
});
const useOf = {
  apiGroups: [''],
  resources: ['serviceaccounts'],
  resourceNames: ['crm-exports'],
  verbs: ['use'],
};
const rights = [
  role('write-exports', {
    apiGroups: ['segmentexport.io'],
    resources: ['criteosegmentexports', 'criteosegmentexports/status'],
    verbs: ['get', 'create', 'update', 'patch', 'delete'],
  }),
  binding('write-exports', writer, user),
  // What else an export names is not this policy's.
  role(
    'use-the-rest',
    { apiGroups: ['segmentexport.io'], resources: ['criteoconnections'], verbs: ['use'] },
    { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['mount'] },
  ),
  binding('use-the-rest', writer, user),
  role('use-crm-exports', useOf),
  binding('use-crm-exports', user),
];

function exportOf(name: string, serviceAccountName: string | undefined, changes: object = {}): object {
  return {
    apiVersion: 'segmentexport.io/v1alpha1',
    kind: 'CriteoSegmentExport',
    metadata: { name, namespace: 'default' },
    spec: {
      connectionRef: { name: 'nordic' },
      match: { email: { field: 'email' } },
      source: { file: { persistentVolumeClaim: { claimName: 'people' }, path: 'people.csv' } },
      segments: [{ name: 'readers' }],
      ...(serviceAccountName === undefined ? {} : { job: { serviceAccountName } }),
      ...changes,
    },
  };
}

function asWho(who: string): string[] {
  return who === '' ? [] : [`--as=${who}`];
}

async function apply(who: string, ...objects: object[]): Promise<void> {
  const documents = objects.map((object) => `---\n${JSON.stringify(object)}\n`).join('');
  await kubectl(
    controlPlane.kubeconfigPath,
    [...asWho(who), 'apply', '--server-side', '--force-conflicts', '-f', '-'],
    documents,
  );
}

/** Why an apply is refused; undefined where it is not, or would not be. */
async function refusal(who: string, object: object): Promise<string | undefined> {
  try {
    await kubectl(
      controlPlane.kubeconfigPath,
      [...asWho(who), 'apply', '--server-side', '--force-conflicts', '--dry-run=server', '-f', '-'],
      JSON.stringify(object),
    );
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Why a merge patch is refused; undefined where it took effect. */
async function patchRefusal(
  who: string,
  name: string,
  patch: object,
  subresource?: 'status',
): Promise<string | undefined> {
  try {
    await kubectl(controlPlane.kubeconfigPath, [
      ...asWho(who),
      'patch',
      'criteosegmentexport',
      name,
      '--type=merge',
      `--patch=${JSON.stringify(patch)}`,
      ...(subresource === undefined ? [] : [`--subresource=${subresource}`]),
    ]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe('an export that names a service account', () => {
  test('is created by who may use it', async () => {
    expect(await refusal(user, exportOf('new', 'crm-exports'))).toBeUndefined();
  });

  test('is refused to who may not, with the right that is missing and a Role that gives it', async () => {
    const message = await refusal(writer, exportOf('new', 'crm-exports'));
    expect(message).toContain(
      'spec.job.serviceAccountName: writer may not use the service account "crm-exports"',
    );
    expect(message).toContain(
      'A Role in the namespace default with the rule {apiGroups: [""], resources: [serviceaccounts], resourceNames: ["crm-exports"], verbs: [use]}, bound to writer, gives it.',
    );
  });

  test('is refused to who may use another one', async () => {
    expect(await refusal(user, exportOf('new', 'admin'))).toContain(
      'may not use the service account "admin"',
    );
  });
});

test('an export without one is anybody’s who may write exports, and stays it', async () => {
  await apply(writer, exportOf('plain', undefined));
  expect(await patchRefusal(writer, 'plain', { spec: { maxProfiles: 5 } })).toBeUndefined();
  expect(
    await patchRefusal(writer, 'plain', { spec: { job: { serviceAccountName: 'crm-exports' } } }),
  ).toContain('may not use the service account');
});

describe('of an export that has one', () => {
  const name = 'with-one';
  beforeAll(() => apply(user, exportOf(name, 'crm-exports')));

  test('whoever changes the definition needs the right: the run reads as that service account', async () => {
    const patch = { spec: { source: { file: { path: 'others.csv' } } } };
    expect(await patchRefusal(writer, name, patch)).toContain('may not use the service account');
    expect(await patchRefusal(user, name, patch)).toBeUndefined();
  });

  test('what leaves the definition as it is passes: annotations, finalizers, status, the end', async () => {
    const annotations = { 'segmentexport.io/requestedAt': '2026-11-22T04:00:00Z' };
    expect(await patchRefusal(writer, name, { metadata: { annotations } })).toBeUndefined();
    const finalizers = ['segmentexport.io/retire'];
    expect(await patchRefusal(writer, name, { metadata: { finalizers } })).toBeUndefined();
    expect(await patchRefusal(writer, name, { status: { observedGeneration: 2 } }, 'status')).toBeUndefined();
    await kubectl(controlPlane.kubeconfigPath, [
      '--as=writer',
      'delete',
      'criteosegmentexport',
      name,
      '--wait=false',
    ]);
    expect(await patchRefusal(writer, name, { metadata: { finalizers: [] } })).toBeUndefined();
    expect((await server.call(`${collectionOf('CriteoSegmentExport')}/${name}`)).status).toBe(404);
  });

  test('who takes it away needs no right on it', async () => {
    await apply(user, exportOf('given-up', 'crm-exports'));
    const patch = { spec: { job: { serviceAccountName: null } } };
    expect(await patchRefusal(writer, 'given-up', patch)).toBeUndefined();
  });
});
