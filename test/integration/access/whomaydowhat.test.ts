import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { annotations, finalizer, labels, managedBy } from '../../../api/names.ts';
import { appName, defaultOptions } from '../../../deploy/options.ts';
import type { Reply } from '../../support/apiserver.ts';
import { tableBelow } from './accesstable.ts';
import { type Ground, namespace, otherNamespace, prepareGround, untilAllowed } from './ground.ts';
import {
  connection,
  connections,
  exports,
  type Named,
  role,
  roleBinding,
  segmentExport,
} from './manifests.ts';
import type { Person } from './person.ts';

let ground: Ground;

/** The columns of the table; two of them write as GitOps controllers do. */
const people: Record<string, { username: string; applies?: true }> = {
  'cluster administrator': { username: 'cluster-administrator' },
  'namespace administrator': { username: 'namespace-administrator' },
  contributor: { username: 'contributor' },
  'contributor with rights': { username: 'contributor-with-rights' },
  viewer: { username: 'viewer' },
  GitOps: { username: 'system:serviceaccount:gitops:poor', applies: true },
  'GitOps with rights': { username: 'system:serviceaccount:gitops:rich', applies: true },
  'administrator of another namespace': { username: 'neighbour' },
  controller: { username: `system:serviceaccount:${defaultOptions.namespace}:${appName}` },
  'garbage collector': { username: 'system:serviceaccount:kube-system:generic-garbage-collector' },
};
const usernameOf = (column: string): string => people[column]?.username ?? '';

const writers = ['contributor', 'contributor with rights', 'GitOps', 'GitOps with rights'].map(usernameOf);
const withRights = ['contributor with rights', 'GitOps with rights'].map(usernameOf);
const rights = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'cluster-administrator' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [
      { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: usernameOf('cluster administrator') },
    ],
  },
  roleBinding('admins', 'ClusterRole', 'admin', [usernameOf('namespace administrator')]),
  roleBinding('viewers', 'ClusterRole', 'view', [usernameOf('viewer')]),
  roleBinding(
    'neighbours',
    'ClusterRole',
    'admin',
    [usernameOf('administrator of another namespace')],
    otherNamespace,
  ),
  roleBinding('writers', 'ClusterRole', `${appName}-writer`, writers),
  role(
    'newsletter',
    {
      apiGroups: ['segmentexport.io'],
      resources: ['criteoconnections'],
      resourceNames: ['nordic'],
      verbs: ['use'],
    },
    { apiGroups: [''], resources: ['secrets'], resourceNames: ['database-login'], verbs: ['get'] },
  ),
  roleBinding('newsletter', 'Role', 'newsletter', withRights),
];

/** Written by the contributor with rights, and by GitOps. */
const exportOf = (name: string, spec: object = {}): Named =>
  segmentExport(name, {
    source: {
      postgresql: {
        host: 'db.example',
        database: 'crm',
        table: 'people',
        credentialsSecretRef: { name: 'database-login' },
      },
    },
    ...spec,
  });

/** Objects of its own for each cell, made by whoever made the cluster; one request by the person decides it. */
interface Attempt {
  who: Person;
  applies: boolean;
  /** A name that nothing else has. */
  name: string;
}

async function given(collection: string, object: Named): Promise<string> {
  const { status, body } = await ground.api.call(collection, { method: 'POST', body: object });
  expect(status, body.message).toBe(201);
  return `${collection}/${object.metadata.name}`;
}

function write({ who, applies }: Attempt, collection: string, object: Named): Promise<Reply> {
  return applies ? who.apply(collection, object) : who.patch(`${collection}/${object.metadata.name}`, object);
}

async function changeConnection(attempt: Attempt, spec: object): Promise<Reply> {
  await given(connections, connection(attempt.name));
  return write(attempt, connections, connection(attempt.name, spec));
}

async function changeExport(attempt: Attempt, spec: object, before: object = {}): Promise<Reply> {
  await given(exports, exportOf(attempt.name, before));
  return write(attempt, exports, exportOf(attempt.name, spec));
}

async function changeMetadata(attempt: Attempt, metadata: object): Promise<Reply> {
  await given(exports, exportOf(attempt.name));
  const object = exportOf(attempt.name);
  return write(attempt, exports, { ...object, metadata: { ...object.metadata, ...metadata } });
}

function annotate(attempt: Attempt, annotation: string, value: string): Promise<Reply> {
  return changeMetadata(attempt, { annotations: { [annotation]: value } });
}

const now = '2026-11-22T04:00:00Z';
/** The rows of the table. */
const actions: Record<string, (attempt: Attempt) => Promise<Reply>> = {
  'list the exports': ({ who }) => who.call(exports),
  'list the connections': ({ who }) => who.call(connections),
  'read the Secret of a connection': ({ who }) =>
    who.call(`/api/v1/namespaces/${namespace}/secrets/criteo-nordic`),
  'create a connection': ({ who, applies, name }) =>
    applies ? who.apply(connections, connection(name)) : who.create(connections, connection(name)),
  'change a connection': (attempt) => changeConnection(attempt, { credentialsSecretRef: { name: 'other' } }),
  'give a connection a base URL that is not on the allow-list': (attempt) =>
    changeConnection(attempt, { api: { baseUrl: 'https://criteo.evil.example' } }),
  'suspend a connection': (attempt) => changeConnection(attempt, { suspend: true }),
  'take back the agreement of a connection': (attempt) =>
    changeConnection(attempt, {
      dataPrivacy: { agreed: false, agreedBy: 'Head of marketing', agreedOn: '2026-11-22' },
    }),
  'delete a connection': async ({ who, name }) => who.remove(await given(connections, connection(name))),
  'write the status of a connection': async ({ who, name }) => {
    const path = await given(connections, connection(name));
    const { body } = await ground.api.call(path);
    // As the controller writes it, which has update and not patch.
    return who.call(`${path}/status`, {
      method: 'PUT',
      body: { ...body, status: { observedGeneration: 1 } },
    });
  },
  'hand out the right to use a connection': ({ who, name }) =>
    who.create(
      `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles`,
      role(name, { apiGroups: ['segmentexport.io'], resources: ['criteoconnections'], verbs: ['use'] }),
    ),
  'create an export': ({ who, applies, name }) =>
    applies ? who.apply(exports, exportOf(name)) : who.create(exports, exportOf(name)),
  'change the definition of an export': (attempt) => changeExport(attempt, { maxProfiles: 5 }),
  'suspend an export': (attempt) => changeExport(attempt, { suspend: true }),
  'resume an export': (attempt) => changeExport(attempt, { suspend: false }, { suspend: true }),
  'ask for a run (requestedAt)': (attempt) => annotate(attempt, annotations.requestedAt, now),
  'ask for a plan (planRequestedAt)': (attempt) => annotate(attempt, annotations.planRequestedAt, now),
  'approve a run (approvedRun)': (attempt) => annotate(attempt, annotations.approvedRun, 'newsletter-req-1'),
  'cancel a run (cancelledRun)': (attempt) => annotate(attempt, annotations.cancelledRun, 'newsletter-req-1'),
  'change labels and other annotations of an export': (attempt) =>
    changeMetadata(attempt, { labels: { team: 'crm' }, annotations: { 'example.com/owner': 'crm' } }),
  'take the finalizer off an export': async ({ who, name }) => {
    const { metadata, ...rest } = exportOf(name);
    const path = await given(exports, { ...rest, metadata: { ...metadata, finalizers: [finalizer] } });
    return who.patch(path, { metadata: { finalizers: [] } });
  },
  'delete an export': async ({ who, name }) => who.remove(await given(exports, exportOf(name))),
  'write the status of an export': async ({ who, name }) => {
    const path = await given(exports, exportOf(name));
    const { body } = await ground.api.call(path);
    return who.call(`${path}/status`, {
      method: 'PUT',
      body: { ...body, status: { observedGeneration: 1 } },
    });
  },
  "make a Job of an export's CronJob": ({ who, name }) => createJobFrom(name, who.username),
};

/** By kubectl itself, as the README tells it. */
async function createJobFrom(name: string, username: string): Promise<Reply> {
  const args = ['create', 'job', name, '--from=cronjob/newsletter', '--namespace', namespace];
  try {
    await ground.kubectl([`--as=${username}`, ...args]);
    return { status: 201, body: {} };
  } catch (error) {
    const message = String(error);
    if (!message.includes('is forbidden')) throw error;
    return { status: 403, body: { message } };
  }
}

/** As the controller makes it of an export; what is in its pods is not looked at by who asks for a Job. */
const cronJob = {
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: 'newsletter', namespace, labels: { [labels.managedBy]: managedBy } },
  spec: {
    schedule: '0 4 * * *',
    suspend: true,
    jobTemplate: {
      metadata: { labels: { [labels.managedBy]: managedBy } },
      spec: {
        suspend: true,
        template: {
          spec: {
            restartPolicy: 'Never',
            containers: [{ name: 'exporter', image: 'registry.example/exporter' }],
          },
        },
      },
    },
  },
};

const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'criteo-nordic', namespace },
  stringData: { clientId: 'id', clientSecret: 'secret' },
};

beforeAll(async () => {
  ground = await prepareGround();
  await ground.apply(...rights, cronJob, secret);
  // The controller manager aggregates the ClusterRoles.
  const use = { group: 'segmentexport.io', resource: 'criteoconnections', name: 'nordic', verb: 'use' };
  const list = { group: 'segmentexport.io', resource: 'criteosegmentexports', verb: 'list' };
  for (const column of ['cluster administrator', 'namespace administrator']) {
    await untilAllowed(ground.person(usernameOf(column)), use);
  }
  for (const username of withRights) await untilAllowed(ground.person(username), use);
  for (const column of [...Object.keys(people)]) {
    const elsewhere = column === 'administrator of another namespace' ? { namespace: otherNamespace } : {};
    await untilAllowed(ground.person(usernameOf(column)), { ...list, ...elsewhere });
  }
});
afterAll(() => ground?.[Symbol.asyncDispose]());

const { columns, rows } = tableBelow('The table');

test('the table and the test have the same people and the same actions', () => {
  expect(columns).toEqual(Object.keys(people));
  expect([...rows.keys()]).toEqual(Object.keys(actions));
});

const cells = [...rows].flatMap(([action, answers], row) =>
  columns.map((column, index) => ({ action, column, answer: answers[index], name: `cell-${row}-${index}` })),
);

describe.each([...rows.keys()])('%s', (row) => {
  test.each(cells.filter(({ action }) => action === row))(
    '$column: $answer',
    async ({ action, column, answer, name }) => {
      const who = ground.person(usernameOf(column));
      const reply = await actions[action]?.({ who, applies: people[column]?.applies ?? false, name });
      expect(reply && answerOf(reply), reply?.body.message).toBe(answer);
    },
  );
});

/** Anything but yes and no, such as a manifest that is wrong for everybody, shows itself. */
function answerOf({ status, body }: Reply): string {
  if (status < 300) return 'yes';
  const byPolicy = status === 422 && body.message?.includes('ValidatingAdmissionPolicy');
  return status === 403 || byPolicy ? 'no' : `${status} ${body.message}`;
}
