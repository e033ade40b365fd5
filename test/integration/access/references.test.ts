import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { crdFiles, readCrd, type Schema, schemaOf } from '../../../scripts/generate/crd.ts';
import { waitFor } from '../../cluster/wait.ts';
import type { Reply } from '../../support/apiserver.ts';
import { tableBelow } from './accesstable.ts';
import { type Ground, namespace, prepareGround, untilAllowed } from './ground.ts';
import {
  collections,
  connection,
  type Named,
  type Rule,
  role,
  roleBinding,
  segmentExport,
} from './manifests.ts';

let ground: Ground;

/** Named by every resource below that does not say otherwise. */
const people = { file: { persistentVolumeClaim: { claimName: 'people' }, path: 'people.csv' } };
const list = { path: 'people.csv', segmentField: 'segment' };
const database = { host: 'db.example', database: 'crm', table: 'people', segmentField: 'segment' };
const bucket = { region: 'eu-north-1', bucket: 'marketing' };
const secretRef = (name: string) => ({ credentialsSecretRef: { name } });

/** By its field: the name of what is referred to, and a resource that refers to it. */
const references: Record<string, [string, (name: string) => Named]> = {
  'CriteoSegmentExport spec.connectionRef': [
    'southern',
    (name) => segmentExport(name, { connectionRef: { name: 'southern' } }),
  ],
  'CriteoSegmentExport spec.source.file.persistentVolumeClaim': [
    'lists',
    (name) =>
      segmentExport(name, {
        source: { file: { ...people.file, persistentVolumeClaim: { claimName: 'lists' } } },
      }),
  ],
  'CriteoSegmentExport spec.source.s3.credentialsSecretRef': [
    's3-keys',
    (name) => segmentExport(name, { source: { s3: { ...bucket, ...list, ...secretRef('s3-keys') } } }),
  ],
  'CriteoSegmentExport spec.source.azureBlob.credentialsSecretRef': [
    'azure-keys',
    (name) =>
      segmentExport(name, {
        source: {
          azureBlob: {
            endpoint: 'https://store.example',
            container: 'people',
            ...list,
            ...secretRef('azure-keys'),
          },
        },
      }),
  ],
  'CriteoSegmentExport spec.source.postgresql.credentialsSecretRef': [
    'database-login',
    (name) =>
      segmentExport(name, { source: { postgresql: { ...database, ...secretRef('database-login') } } }),
  ],
  'CriteoSegmentExport spec.source.postgresql.caSecretRef': [
    'database-authorities',
    (name) =>
      segmentExport(name, {
        source: {
          postgresql: {
            ...database,
            ...secretRef('another-login'),
            caSecretRef: { name: 'database-authorities' },
          },
        },
      }),
  ],
  'CriteoSegmentExport spec.source.customerInsights.credentialsSecretRef': [
    'insights-app',
    (name) =>
      segmentExport(name, {
        source: {
          customerInsights: {
            environmentUrl: 'https://contoso.crm4.dynamics.com',
            tenantId: '00000000-0000-0000-0000-000000000000',
            ...secretRef('insights-app'),
          },
        },
      }),
  ],
  'CriteoSegmentExport spec.job.serviceAccountName': [
    'crm-exports',
    (name) => segmentExport(name, { job: { serviceAccountName: 'crm-exports' } }),
  ],
  'CriteoConnection spec.credentialsSecretRef': [
    'criteo-southern',
    (name) => connection(name, secretRef('criteo-southern')),
  ],
  // Digits: a name that YAML takes for a number must survive the way from a refusal into a Role.
  'CriteoConnection spec.ledger.s3.credentialsSecretRef': [
    '2026',
    (name) => connection(name, { ledger: { s3: { ...bucket, ...secretRef('2026') } } }),
  ],
};

const alwaysNamed: Rule[] = [
  {
    apiGroups: ['segmentexport.io'],
    resources: ['criteoconnections'],
    resourceNames: ['nordic'],
    verbs: ['use'],
  },
  { apiGroups: [''], resources: ['persistentvolumeclaims'], resourceNames: ['people'], verbs: ['mount'] },
  {
    apiGroups: [''],
    resources: ['secrets'],
    resourceNames: ['criteo-nordic', 'another-login'],
    verbs: ['get'],
  },
];
const writing: Rule = {
  apiGroups: ['segmentexport.io'],
  resources: ['criteoconnections', 'criteosegmentexports'],
  verbs: ['get', 'create', 'update', 'patch', 'delete'],
};

const { rows } = tableBelow('What a resource names');
const fields = [...rows.keys()];
const numberOf = (field: string): number => fields.indexOf(field);
/** Both may write, and have every right but this one; the second is given it. */
const whoLacks = (field: string): string => `lacks-right-${numberOf(field)}`;
const whoIsGiven = (field: string): string => `given-right-${numberOf(field)}`;

function rightOn(field: string): Rule {
  const [verb = '', on = ''] = rows.get(field) ?? [];
  const [resource = '', ...group] = on.split('.');
  const [name] = referenceOf(field);
  return { apiGroups: [group.join('.')], resources: [resource], resourceNames: [name], verbs: [verb] };
}

function referenceOf(field: string): [string, (name: string) => Named] {
  const reference = references[field];
  if (!reference) throw new Error(`the test has no resource with ${field}`);
  return reference;
}

beforeAll(async () => {
  ground = await prepareGround();
  const rights = fields.flatMap((field) => {
    const others = fields.filter((other) => other !== field).map(rightOn);
    const name = `all-but-${numberOf(field)}`;
    return [
      role(name, writing, ...alwaysNamed, ...others),
      roleBinding(name, 'Role', name, [whoLacks(field), whoIsGiven(field)]),
    ];
  });
  await ground.apply(...rights);
  const create = { group: 'segmentexport.io', resource: 'criteosegmentexports', verb: 'create' };
  for (const field of fields) await untilAllowed(ground.person(whoLacks(field)), create);
});
afterAll(() => ground?.[Symbol.asyncDispose]());

test('every reference of both kinds is in the table, and in the test', () => {
  const found = crdFiles.flatMap((file) => {
    const crd = readCrd(file);
    const spec = schemaOf(crd).properties?.spec;
    return spec ? referencesIn(spec, `${crd.spec.names.kind} spec`) : [];
  });
  expect(fields.toSorted()).toEqual(found.toSorted());
  expect(Object.keys(references).toSorted()).toEqual(found.toSorted());
});

/** Fields whose name says that they hold the name of another object. */
function referencesIn(schema: Schema, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    /Ref$|^persistentVolumeClaim$|^serviceAccountName$/.test(name)
      ? [`${path}.${name}`]
      : referencesIn(property, `${path}.${name}`),
  );
}

function messageOf({ status, body }: Reply): string {
  return status < 300 ? 'accepted' : `${status}: ${body.message}`;
}

describe.each(fields)('%s', (field) => {
  const number = numberOf(field);
  const make = (name: string): Named => referenceOf(field)[1](name);
  const kind = field.startsWith('CriteoConnection') ? 'CriteoConnection' : 'CriteoSegmentExport';
  const path = field.split(' ')[1] ?? '';
  const mine = `${collections[kind]}/mine-${number}`;
  const change = { spec: { maxProfiles: 5 } };

  test('is refused to who lacks just this right, and given by the Role that the refusal shows', async () => {
    const who = ground.person(whoIsGiven(field));
    const object = make(`new-${number}`);
    const refused = await who.create(collections[kind], object);
    expect(refused.status, messageOf(refused)).toBe(403);
    expect(refused.body.message).toContain(`denied request: ${path}: ${who.username} may not `);

    const shown = /A Role in the namespace (\S+) with the rule (\{.*\}), bound to/.exec(
      refused.body.message ?? '',
    );
    expect(shown?.[1]).toBe(namespace);
    const rule = parse(shown?.[2] ?? '') as Rule;
    expect(rule).toEqual(rightOn(field));

    // Whoever writes a definition anew has it read something else: asked again, whatever changed.
    await ground.apply(make(`mine-${number}`));
    expect(messageOf(await who.patch(mine, change))).toContain(`${path}: ${who.username} may not `);

    const name = `shown-${number}`;
    await ground.apply(role(name, rule), roleBinding(name, 'Role', name, [who.username]));
    await waitFor('the Role to be in force', 30_000, async () =>
      (await who.create(collections[kind], object, { dryRun: 'All' })).status === 201 ? true : undefined,
    );
    expect(messageOf(await who.create(collections[kind], object))).toBe('accepted');
    expect(messageOf(await who.patch(mine, change))).toBe('accepted');
  });

  test('is not asked about where labels change, or the resource is stopped', async () => {
    const who = ground.person(whoLacks(field));
    const name = `stopped-${number}`;
    await ground.apply(make(name));
    const object = `${collections[kind]}/${name}`;
    expect(messageOf(await who.patch(object, { metadata: { labels: { team: 'crm' } } }))).toBe('accepted');
    expect(messageOf(await who.patch(object, { spec: { suspend: true } }))).toBe('accepted');
  });
});
