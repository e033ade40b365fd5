import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { annotations } from '../../../api/names.ts';
import { waitFor } from '../../cluster/wait.ts';
import type { Reply } from '../../support/apiserver.ts';
import { accessDocument } from './accesstable.ts';
import { allowedBaseUrl, type Ground, namespace, prepareGround, untilAllowed } from './ground.ts';
import {
  connection,
  connections,
  exports,
  type Named,
  type Rule,
  role,
  roleBinding,
  segmentExport,
} from './manifests.ts';
import type { Person } from './person.ts';

let ground: Ground;
/** May write both kinds and mount the claim people, and nothing else. */
let writer: Person;
/** The same, and may use the connection southern. */
let southerner: Person;

const writing: Rule = {
  apiGroups: ['segmentexport.io'],
  resources: ['criteoconnections', 'criteosegmentexports'],
  verbs: ['get', 'create', 'update', 'patch', 'delete'],
};
const mounting: Rule = {
  apiGroups: [''],
  resources: ['persistentvolumeclaims'],
  resourceNames: ['people'],
  verbs: ['mount'],
};
const usingSouthern: Rule = {
  apiGroups: ['segmentexport.io'],
  resources: ['criteoconnections'],
  resourceNames: ['southern'],
  verbs: ['use'],
};

beforeAll(async () => {
  ground = await prepareGround();
  writer = ground.person('writer');
  southerner = ground.person('southerner');
  await ground.apply(
    role('write', writing, mounting),
    roleBinding('write', 'Role', 'write', ['writer', 'southerner']),
    role('use-southern', usingSouthern),
    roleBinding('use-southern', 'Role', 'use-southern', ['southerner']),
  );
  const create = { group: 'segmentexport.io', resource: 'criteosegmentexports', verb: 'create' };
  await untilAllowed(writer, create);
  await untilAllowed(southerner, { ...create, resource: 'criteoconnections', verb: 'use', name: 'southern' });
});
afterAll(() => ground?.[Symbol.asyncDispose]());

/** As whoever made the cluster; dryRun tells what would become of it. */
async function make(collection: string, object: Named, dryRun = false): Promise<string> {
  const query: Record<string, string> = dryRun ? { dryRun: 'All' } : {};
  return outcomeOf(await ground.api.call(collection, { method: 'POST', body: object, query }));
}

async function changed(path: string, body: object): Promise<string> {
  return outcomeOf(
    await ground.api.call(path, { method: 'PATCH', contentType: 'application/merge-patch+json', body }),
  );
}

async function changedBy(who: Person, path: string, body: object): Promise<string> {
  return outcomeOf(await who.patch(path, body));
}

function outcomeOf({ status, body }: Reply): string {
  return status < 300 ? 'accepted' : (body.message ?? String(status));
}

const annotated = (annotation: string, value: string | null): object => ({
  metadata: { annotations: { [annotation]: value } },
});

describe('without the right to use the connection', () => {
  const path = `${exports}/others`;
  beforeAll(async () => {
    const object = segmentExport('others');
    object.metadata.annotations = { [annotations.approvedRun]: 'others-req-1' };
    expect(await make(exports, object)).toBe('accepted');
  });

  test('an annotation of ours is neither set, changed nor taken away', async () => {
    const refusal = 'spec.connectionRef: writer may not use the CriteoConnection "nordic"';
    for (const change of [
      annotated(annotations.requestedAt, '2026-11-22T04:00:00Z'),
      annotated(annotations.approvedRun, 'others-req-2'),
      annotated(annotations.approvedRun, null),
    ]) {
      expect(await changedBy(writer, path, change)).toContain(refusal);
    }
  });

  test('an export is suspended, but not together with anything else, and not resumed', async () => {
    const suspend = { spec: { suspend: true } };
    const refusal = 'may not use the CriteoConnection "nordic"';
    expect(await changedBy(writer, path, { spec: { ...suspend.spec, maxProfiles: 5 } })).toContain(refusal);
    const start = annotated(annotations.requestedAt, '2026-11-22T04:00:00Z');
    expect(await changedBy(writer, path, { ...suspend, ...start })).toContain(refusal);
    expect(await changedBy(writer, path, suspend)).toBe('accepted');
    expect(await changedBy(writer, path, { spec: { name: 'Ours' } })).toContain(refusal);
    expect(await changedBy(writer, path, { spec: { suspend: false } })).toContain(refusal);
  });

  test('writing status is no way to an annotation', async () => {
    const rule = { ...writing, resources: ['criteosegmentexports/status'] };
    await ground.apply(
      role('status', rule),
      roleBinding('status', 'Role', 'status', ['writer-of-status', 'writer']),
    );
    const who = ground.person('writer-of-status');
    await untilAllowed(who, {
      group: 'segmentexport.io',
      resource: 'criteosegmentexports',
      subresource: 'status',
      verb: 'update',
    });
    const { body } = await ground.api.call(path);
    const metadata = { ...(body.metadata as object), ...annotatedMetadata };
    const reply = await who.call(`${path}/status`, { method: 'PUT', body: { ...body, metadata } });
    expect(outcomeOf(reply)).toBe('accepted');
    expect((await ground.api.call(path)).body.metadata).toMatchObject({
      annotations: { [annotations.approvedRun]: 'others-req-1' },
    });
  });
  const annotatedMetadata = { annotations: { [annotations.approvedRun]: 'forged' } };
});

test('an export goes over to another connection by who may use both: the first one empties what is left', async () => {
  await make(exports, segmentExport('moving'));
  const move = { spec: { connectionRef: { name: 'southern' }, deletionPolicy: 'Delete' } };
  expect(await changedBy(southerner, `${exports}/moving`, move)).toContain(
    'southerner may not use the CriteoConnection "nordic"',
  );
  await make(exports, segmentExport('staying', { connectionRef: { name: 'southern' } }));
  expect(await changedBy(southerner, `${exports}/staying`, { spec: { deletionPolicy: 'Delete' } })).toBe(
    'accepted',
  );
});

describe('without the right to read its Secret', () => {
  test('a connection is stopped, but not sent elsewhere, and not resumed', async () => {
    await make(connections, connection('stopped'));
    const path = `${connections}/stopped`;
    const refusal = 'spec.credentialsSecretRef: writer may not have runs read the Secret "criteo-nordic"';
    const elsewhere = { api: { baseUrl: allowedBaseUrl } };
    const agreed = (value: boolean): object => ({ spec: { dataPrivacy: { agreed: value } } });
    expect(await changedBy(writer, path, { spec: elsewhere })).toContain(refusal);
    expect(await changedBy(writer, path, { spec: { ...elsewhere, suspend: true } })).toContain(refusal);
    expect(await changedBy(writer, path, { spec: { suspend: true } })).toBe('accepted');
    expect(await changedBy(writer, path, { spec: { suspend: false } })).toContain(refusal);
    expect(await changedBy(writer, path, agreed(false))).toBe('accepted');
    expect(await changedBy(writer, path, agreed(true))).toContain(refusal);
  });
});

describe('a connection that asks for consent', () => {
  const uses = (name: string, spec: object = {}): Named =>
    segmentExport(name, { connectionRef: { name: 'strict' }, ...spec });
  const consent = { field: 'doNotEmail', equals: 'false' };
  const refusal = 'spec.consent: the connection "strict" asks for it (spec.requireConsent: true)';

  test('is given no export without, but for those that were there before it', async () => {
    expect(await make(exports, uses('before'))).toBe('accepted');
    await make(connections, connection('strict', { requireConsent: true }));
    await make(connections, connection('lenient'));
    await waitFor('the API server to know of it', 60_000, async () =>
      (await make(exports, uses('after'), true)).includes(refusal) ? true : undefined,
    );

    expect(await make(exports, uses('after'))).toContain(refusal);
    expect(await make(exports, uses('with', { consent }))).toBe('accepted');
    expect(await make(exports, segmentExport('lenient', { connectionRef: { name: 'lenient' } }))).toBe(
      'accepted',
    );
    expect(await changed(`${exports}/lenient`, { spec: { connectionRef: { name: 'strict' } } })).toContain(
      refusal,
    );
    expect(await changed(`${exports}/with`, { spec: { consent: null } })).toContain(refusal);
  });

  test('leaves an export that was there before it to be stopped, started and mended', async () => {
    const path = `${exports}/before`;
    expect(await changed(path, { spec: { suspend: true } })).toBe('accepted');
    expect(await changed(path, annotated(annotations.planRequestedAt, '2026-11-22T04:00:00Z'))).toBe(
      'accepted',
    );
    expect(await changed(path, { spec: { maxProfiles: 5 } })).toContain(refusal);
    expect(await changed(path, { spec: { consent } })).toBe('accepted');
  });

  test('asks nothing of the exports of another namespace', async () => {
    const elsewhere = { ...uses('strict').metadata, namespace: 'default' };
    expect(
      await make(exports.replace(namespace, 'default'), { ...uses('strict'), metadata: elsewhere }),
    ).toBe('accepted');
  });
});

test('the volume claim of a ledger is no source', async () => {
  await make(connections, connection('remembering', { ledger: { volume: { size: '1Gi' } } }));
  // As the controller tells it.
  const status = { status: { ledger: { claimName: 'remembering-ledger-0123456789' } } };
  expect(await changed(`${connections}/remembering/status`, status)).toBe('accepted');
  const reads = (name: string, claimName: string): Named =>
    segmentExport(name, { source: { file: { persistentVolumeClaim: { claimName }, path: 'people.csv' } } });
  const refusal =
    'spec.source.file.persistentVolumeClaim: the volume claim "remembering-ledger-0123456789" holds';
  await waitFor('the API server to know of it', 60_000, async () =>
    (await make(exports, reads('prying', 'remembering-ledger-0123456789'), true)).includes(refusal)
      ? true
      : undefined,
  );
  expect(await make(exports, reads('honest', 'people'))).toBe('accepted');
});

describe('base URLs', () => {
  test('are those of the allow-list, with or without a slash at their end', async () => {
    const at = (name: string, baseUrl: string): Named => connection(name, { api: { baseUrl } });
    expect(await make(connections, at('listed', allowedBaseUrl))).toBe('accepted');
    expect(await make(connections, at('slashed', `${allowedBaseUrl}/`))).toBe('accepted');
    expect(await make(connections, at('unlisted', 'https://criteo.example.evil.example'))).toContain(
      "spec.api.baseUrl: https://criteo.example.evil.example is not on the controller's allow-list (https://api.criteo.com, https://criteo.example)",
    );
    expect(
      await changed(`${connections}/listed`, { spec: { api: { baseUrl: 'http://listed.example' } } }),
    ).toContain('is not on');
  });

  test('that have left the list do not keep a connection from being changed otherwise, and stopped', async () => {
    const binding = 'validatingadmissionpolicybinding/baseurls.criteo-segment-export.segmentexport.io';
    const stored = JSON.parse(await ground.kubectl(['get', binding, '--output=json'])) as {
      metadata: { name: string };
    };
    await ground.kubectl(['delete', binding]);
    const old = connection('old', { api: { baseUrl: 'https://old.example' } });
    await waitFor('a list without bounds', 30_000, async () =>
      (await make(connections, old)) === 'accepted' ? true : undefined,
    );
    await ground.apply({ ...stored, metadata: { name: stored.metadata.name } });
    await waitFor('the list to hold again', 30_000, async () =>
      (await make(connections, { ...old, metadata: { ...old.metadata, name: 'new' } }, true)).includes(
        'is not on',
      )
        ? true
        : undefined,
    );
    expect(await changed(`${connections}/old`, { spec: { displayName: 'Old', suspend: true } })).toBe(
      'accepted',
    );
  });
});

describe('the garbage collector', () => {
  // It looks every half minute for kinds that are new.
  const patience = 90_000;
  const ownerPath = (name: string): string => `/api/v1/namespaces/${namespace}/configmaps/${name}`;

  /** An export that goes with a ConfigMap, as a tool that makes several things may have it. */
  async function owned(name: string): Promise<string> {
    const owner = await ground.api.call(`/api/v1/namespaces/${namespace}/configmaps`, {
      method: 'POST',
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } },
    });
    const { uid } = owner.body.metadata as { uid: string };
    const object = segmentExport(name);
    object.metadata.ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name, uid }];
    expect(await make(exports, object)).toBe('accepted');
    return `${exports}/${name}`;
  }

  async function isGone(path: string): Promise<true | undefined> {
    return (await ground.api.call(path)).status === 404 ? true : undefined;
  }

  test('removes an export whose owner goes', async () => {
    const path = await owned('going');
    await ground.api.call(ownerPath('going'), { method: 'DELETE' });
    await waitFor('the export to go', patience, () => isGone(path));
  });

  test('lets an export stay whose owner goes alone', async () => {
    const path = await owned('orphaned');
    await ground.api.call(ownerPath('orphaned'), {
      method: 'DELETE',
      query: { propagationPolicy: 'Orphan' },
    });
    await waitFor('its owner to go', patience, () => isGone(ownerPath('orphaned')));
    const { metadata } = (await ground.api.call(path)).body;
    expect((metadata as { ownerReferences?: object[] }).ownerReferences ?? []).toEqual([]);
  });

  test('ends an export in the foreground, after what depends on it', async () => {
    await make(exports, segmentExport('foreground'));
    const path = `${exports}/foreground`;
    const { metadata, apiVersion, kind } = (await ground.api.call(path)).body;
    const { uid } = metadata as { uid: string };
    const reference = { apiVersion, kind, name: 'foreground', uid, blockOwnerDeletion: true };
    await ground.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'dependent', namespace, ownerReferences: [reference] },
    });
    await ground.api.call(path, { method: 'DELETE', query: { propagationPolicy: 'Foreground' } });
    await waitFor('the export to go', patience, () => isGone(path));
    expect(await isGone(ownerPath('dependent'))).toBe(true);
  });
});

test('the Roles that docs/access.md shows let a contributor write the export of the examples, and start it', async () => {
  const yaml = /```yaml\n([\s\S]*?)```/.exec(accessDocument)?.[1] ?? '';
  await ground.apply(...parseAllDocuments(yaml).map((document) => document.toJS() as object));
  const anna = ground.person('anna');
  await untilAllowed(anna, { resource: 'persistentvolumeclaims', verb: 'mount', name: 'people' });
  const asAnna = ['--as=anna', '--namespace', namespace];
  await ground.kubectl([...asAnna, 'apply', '-f', 'examples/export.yaml']);
  const start = `${annotations.requestedAt}=2026-11-22T04:00:00Z`;
  await ground.kubectl([...asAnna, 'annotate', 'criteosegmentexport', 'newsletter', start]);
  await expect(ground.kubectl([...asAnna, 'apply', '-f', 'examples/connection.yaml'])).rejects.toThrow(
    'forbidden',
  );
});
