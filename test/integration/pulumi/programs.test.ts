import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { manifests } from '../../../deploy/manifests.ts';
import { defaultOptions } from '../../../deploy/options.ts';
import { repositoryDirectory } from '../../cluster/paths.ts';
import { exporterImage as image } from '../../support/controllerprocess.ts';
import { allRequirements } from '../../support/pulumi/order.ts';
import {
  type ProgramOptions,
  type ProgramRun,
  readProject,
  runProgram,
} from '../../support/pulumi/program.ts';
import { type KubernetesObject, objectsOf, type Registration } from '../../support/pulumi/registrations.ts';
import { type Ground, installController } from '../../support/stack.ts';

const criteoUrl = 'http://192.0.2.1:18543';
const local: ProgramOptions = {
  config: { image, criteoUrl, clientSecret: 'canary-secret' },
  secretKeys: ['clientSecret'],
};

let localRun: Promise<ProgramRun>;
beforeAll(() => {
  localRun = runProgram('local', local);
});

/** Runs it, and expects that it ends well. */
async function objectsOfProgram(name: string, options: ProgramOptions): Promise<KubernetesObject[]> {
  return objectsOfRun(await runProgram(name, options));
}

function objectsOfRun(run: ProgramRun): KubernetesObject[] {
  expect(run).toMatchObject({ exitCode: 0, printed: '' });
  return objectsOf(run.registrations).map(({ inputs }) => inputs);
}

/** In an order that does not depend on who made them. */
function sorted(
  objects: readonly { kind: string; metadata: { name: string; namespace?: string } }[],
): object[] {
  const key = ({ kind, metadata }: (typeof objects)[number]): string =>
    `${kind} ${metadata.namespace} ${metadata.name}`;
  return objects.toSorted((a, b) => key(a).localeCompare(key(b)));
}

/** What the demo and the e2e tests apply, by what kubectl is given. */
async function appliedByDemo(options: Parameters<typeof installController>[1]): Promise<KubernetesObject[]> {
  const applied: KubernetesObject[] = [];
  const callKubectl = async ([verb]: readonly string[], input = ''): Promise<string> => {
    if (verb === 'apply') applied.push(...(JSON.parse(input) as { items: KubernetesObject[] }).items);
    return 'done';
  };
  const ground: Pick<Ground, 'image' | 'kubectl'> = { image, kubectl: callKubectl };
  await installController(ground as Ground, options);
  return applied;
}

async function example(name: string): Promise<KubernetesObject> {
  return parse(await readFile(join(repositoryDirectory, 'examples', name), 'utf8')) as KubernetesObject;
}

describe('one source:', () => {
  test('the controller program makes what dist/install.yaml holds', async () => {
    const made = await objectsOfProgram('controller', { config: { image } });
    expect(sorted(made)).toEqual(sorted(manifests({ ...defaultOptions, image })));
  });

  test('what a stack chooses is what the flags of npm run manifests choose', async () => {
    const choice = {
      watchedNamespaces: ['shop'],
      allowedBaseUrls: [criteoUrl],
      apiServerPorts: [6443],
      replicas: 3,
    };
    const namespace = 'exports';
    const extraFlags = ['--log-level=debug'];
    const config = { image, namespace, ...choice, controllerFlags: extraFlags, podMonitor: true };
    const monitoring = { ...defaultOptions.monitoring, podMonitor: true };
    const options = { ...defaultOptions, image, namespace, ...choice, extraFlags, monitoring };
    expect(sorted(await objectsOfProgram('controller', { config }))).toEqual(sorted(manifests(options)));
  });

  test('the local program makes what the demo applies: its controller, and the examples with the sandbox', async () => {
    const made = objectsOfRun(await localRun);
    const isOfTeam = ({ kind, metadata }: KubernetesObject): boolean =>
      metadata.namespace === 'demo' || (kind === 'Namespace' && metadata.name === 'demo');
    const controller = made.filter((object) => !isOfTeam(object));
    expect(sorted(controller)).toEqual(sorted(await appliedByDemo({ allowedBaseUrls: [criteoUrl] })));
    const specOf = (kind: string): unknown => made.find((object) => object.kind === kind)?.spec;
    expect(specOf('CriteoConnection')).toEqual({
      ...((await example('connection.yaml')).spec as object),
      api: { baseUrl: criteoUrl },
    });
    expect(specOf('CriteoSegmentExport')).toEqual((await example('export.yaml')).spec);
    expect(specOf('PersistentVolumeClaim')).toEqual((await example('claim.yaml')).spec);
  });

  test('the exports program makes the examples, for a team that chooses what they hold', async () => {
    const config = {
      namespace: 'marketing',
      advertiserId: '12345',
      agreedBy: 'Data protection office',
      agreedOn: '2026-11-22',
      schedule: '0 4 * * *',
      timeZone: 'Europe/Oslo',
    };
    const made = await objectsOfProgram('exports', { config });
    expect(made.map(({ spec }) => spec)).toEqual([
      (await example('connection.yaml')).spec,
      (await example('export.yaml')).spec,
    ]);
  });
});

test('what the controller program lets go of stays in the cluster, where a stack says so before', async () => {
  const componentOf = async (config: Record<string, unknown>): Promise<Registration | undefined> => {
    const { registrations } = await runProgram('controller', { config: { image, ...config } });
    return registrations.find(({ type }) => type === 'segmentexport:index:CriteoExportController');
  };
  // Its parts inherit it: pulumi/controller.test.ts.
  expect(await componentOf({ retainOnDelete: true })).toMatchObject({ retainOnDelete: true });
  expect(await componentOf({})).toMatchObject({ retainOnDelete: false });
});

describe('environments:', () => {
  test.each(['dev', 'prod'])(
    'the controller program runs with its example of the stack "%s"',
    async (stack) => {
      const made = await objectsOfProgram('controller', { stack, config: { image } });
      expect(made.map(({ kind }) => kind)).toContain('Deployment');
    },
  );

  test('what a person chooses for dev and prod is what the exports differ in', async () => {
    const connections: KubernetesObject[] = [];
    const exports: KubernetesObject[] = [];
    for (const stack of ['dev', 'prod']) {
      const [connection, segmentExport, ...others] = await objectsOfProgram('exports', { stack });
      expect([connection?.kind, segmentExport?.kind, others]).toEqual([
        'CriteoConnection',
        'CriteoSegmentExport',
        [],
      ]);
      if (connection) connections.push(connection);
      if (segmentExport) exports.push(segmentExport);
    }
    expect(connections).toMatchObject([
      { metadata: { namespace: 'marketing-dev' }, spec: { advertiserId: '12345' } },
      { metadata: { namespace: 'marketing' }, spec: { advertiserId: '67890' } },
    ]);
    expect(exports).toMatchObject([
      { spec: { deletionPolicy: 'Empty', removalGuard: { maxPercent: 0 } } },
      { spec: { deletionPolicy: 'Retain', schedule: { cron: '0 4 * * *', timeZone: 'Europe/Oslo' } } },
    ]);
    expect(exports[0]?.spec).not.toHaveProperty('schedule');
  });

  test('a changed schedule is the one difference', async () => {
    const run = async (schedule: string): Promise<ProgramRun> =>
      await runProgram('exports', { stack: 'prod', config: { schedule } });
    const [before, after] = await Promise.all([run('0 4 * * *'), run('0 5 * * *')]);
    const changed = after.registrations.filter(
      (registration, index) => JSON.stringify(registration) !== JSON.stringify(before.registrations[index]),
    );
    expect(changed.map(({ name, inputs }) => [name, (inputs.spec as { schedule: object }).schedule])).toEqual(
      [['newsletter', { cron: '0 5 * * *', timeZone: 'Europe/Oslo' }]],
    );
  });
});

describe('what comes before what, and goes after it:', () => {
  /** Whether each object of a kind needs every object of another. */
  function needs(registrations: readonly Registration[], kind: string, needed: string): boolean {
    const of = (wanted: string): string[] =>
      objectsOf(registrations)
        .filter(({ inputs }) => inputs.kind === wanted)
        .map(({ urn }) => urn);
    expect([of(kind).length, of(needed).length], `${kind}, ${needed}`).not.toContain(0);
    return of(kind).every((urn) => {
      const all = allRequirements(registrations, urn);
      return of(needed).every((need) => all.has(need));
    });
  }

  test.each([
    ['CriteoSegmentExport', 'CriteoConnection'],
    ['CriteoSegmentExport', 'PersistentVolumeClaim'],
    ['CriteoConnection', 'Secret'],
    ['Secret', 'Namespace'],
    // So that a finalizer never waits for a controller that is gone.
    ['CriteoSegmentExport', 'Deployment'],
    ['CriteoConnection', 'Deployment'],
    ['Deployment', 'CustomResourceDefinition'],
    ['Deployment', 'ServiceAccount'],
    ['Deployment', 'ClusterRoleBinding'],
    ['Deployment', 'RoleBinding'],
    ['Deployment', 'ValidatingAdmissionPolicyBinding'],
    ['Deployment', 'NetworkPolicy'],
  ])('local: %s needs %s', async (kind, needed) => {
    const { registrations } = await localRun;
    expect(needs(registrations, kind, needed)).toBe(true);
  });

  test('exports: the export needs its connection, this the credentials, and they the namespace', async () => {
    const { registrations } = await runProgram('exports', {
      stack: 'prod',
      config: { createNamespace: true, clientId: 'canary-id', clientSecret: 'canary-secret' },
      secretKeys: ['clientId', 'clientSecret'],
    });
    const chain = ['CriteoSegmentExport', 'CriteoConnection', 'Secret', 'Namespace'];
    expect(objectsOf(registrations).map(({ inputs }) => inputs.kind)).toEqual(chain.toReversed());
    chain.slice(1).forEach((needed, index) => {
      expect(needs(registrations, chain[index] ?? '', needed), needed).toBe(true);
    });
  });
});

describe('secrets stay secrets:', () => {
  test.each([
    ['local', local],
    [
      'exports',
      {
        stack: 'dev',
        config: { clientId: 'canary-id', clientSecret: 'canary-secret' },
        secretKeys: ['clientId', 'clientSecret'],
      },
    ],
  ] as const)('in the program %s nothing that Pulumi keeps in plain holds one', async (name, options) => {
    const { registrations, outputs, printed } = await runProgram(name, options);
    const inPlain = registrations.map(({ inputs, secrets, ...rest }) => [
      rest,
      Object.fromEntries(Object.entries(inputs).filter(([field]) => !isSecret(field, secrets))),
    ]);
    expect(JSON.stringify(registrations)).toContain('canary-secret');
    expect(JSON.stringify([inPlain, outputs, printed])).not.toContain('canary-');
  });
});

function isSecret(field: string, secrets: readonly string[]): boolean {
  return secrets.some((path) => path === field || path.startsWith(`${field}.`));
}

describe('missing configuration: what to set, and how;', () => {
  test('the image of the controller', async () => {
    const { exitCode, printed, registrations } = await runProgram('controller', { stack: 'new' });
    expect(exitCode).not.toBe(0);
    expect(printed).toContain('image: not set for the stack "new"');
    expect(printed).toContain(
      'pulumi config set --stack new image REGISTRY/criteo-segment-export@sha256:...',
    );
    expect(objectsOf(registrations)).toEqual([]);
  });

  test('all keys of the exports at once', async () => {
    const { printed } = await runProgram('exports', { stack: 'new', config: { namespace: 'shop' } });
    expect(printed).toContain('advertiserId, agreedBy, agreedOn: not set for the stack "new"');
    expect(printed).toContain('pulumi config set --stack new advertiserId 12345');
    expect(printed).not.toContain('new namespace');
  });

  test.each([
    ['local', { image, criteoUrl }, 'clientSecret'],
    ['exports', { clientSecret: 'canary-secret' }, 'clientId'],
  ])('the secret of %s, without a command line that holds it', async (name, config, key) => {
    const { exitCode, printed, registrations } = await runProgram(name, {
      stack: 'dev',
      config,
      secretKeys: ['clientSecret'],
    });
    expect(exitCode).not.toBe(0);
    expect(printed).toContain(`${key}: not set for the stack "dev"`);
    expect(printed).toContain(`pulumi config set --stack dev --secret ${key}\n`);
    expect(objectsOf(registrations)).toEqual([]);
  });
});

describe('the commands at the beginning of docs/pulumi.md', () => {
  /** What they set in one of the programs. */
  async function begun(name: string): Promise<{ stack: string; config: Record<string, string> }> {
    const page = await readFile(join(repositoryDirectory, 'docs/pulumi.md'), 'utf8');
    const [, block = ''] = /^## Begin\n```sh\n(.*?)```/ms.exec(page) ?? [];
    const part = block.split(/^cd .*\//m).find((commands) => commands.startsWith(`${name}\n`)) ?? '';
    const [, stack = ''] = /^pulumi stack init (\S+)/m.exec(part) ?? [];
    const settings = part.matchAll(/^pulumi config set (?:--secret )?(\S+)(?: ("[^"]*"|[^ #]\S*))?/gm);
    return {
      stack,
      config: Object.fromEntries(
        [...settings].map(([, key = '', value = 'a secret']) => [key, value.replaceAll('"', '')]),
      ),
    };
  }

  test.each(['controller', 'exports'])(
    'set all that %s needs, on a stack that has nothing else',
    async (name) => {
      const { stack, config } = await begun(name);
      const files = await readdir(join(repositoryDirectory, 'pulumi/stacks', name));
      expect(stack).not.toBe('');
      expect(files).not.toContain(`Pulumi.${stack}.yaml`);
      expect(await objectsOfProgram(name, { stack, config })).not.toEqual([]);
    },
  );
});

test('what the controller would refuse is refused at preview, with the argument and what would be right', async () => {
  const config = { image, imagePullPolicy: 'Sometimes', replicas: -1 };
  const { exitCode, printed } = await runProgram('controller', { preview: true, config });
  expect(exitCode).not.toBe(0);
  expect(printed).toContain(
    'error: [runtime] CriteoExportController "criteo-segment-export": imagePullPolicy must be one of Always, IfNotPresent, Never, but is "Sometimes"\n',
  );
  expect(printed).toContain('"criteo-segment-export": replicas must be a whole number, such as 2, but is -1');
});

test.each([
  [{ removalPercent: 130 }, 'spec.removalGuard.maxPercent must be at most 100, but is 130'],
  [{ schedule: 'every morning' }, 'spec.schedule.cron must have five fields'],
])(
  'what the schema refuses is refused at preview, with its field and what would be right: %j',
  async (config, message) => {
    const { exitCode, printed } = await runProgram('exports', { stack: 'prod', preview: true, config });
    expect(exitCode).not.toBe(0);
    expect(printed).toContain(message);
  },
);

test.each(['controller', 'exports', 'local'])(
  'every key of %s is described, and has a default',
  async (name) => {
    const { config } = await readProject(name);
    for (const [key, declaration] of Object.entries(config)) {
      if ('value' in declaration) continue;
      expect(declaration.description, key).toMatch(/^[A-Z].{10,}/);
      expect(declaration.default, key).toBeDefined();
    }
  },
);

test.each(['exports', 'local'])('%s changes credentials in their place', async (name) => {
  const { config } = await readProject(name);
  expect(config['kubernetes:enableSecretMutable']).toEqual({ value: true });
});

describe('a stop by configuration', () => {
  const suspensions = async (config: Record<string, boolean>): Promise<unknown[]> => {
    const made = await objectsOfProgram('exports', { stack: 'prod', config });
    return made.map(({ kind, spec }) => [kind, (spec as { suspend?: boolean }).suspend]);
  };

  test('is in the connection, in the export, or in neither: then kubectl can stop them and nothing drifts', async () => {
    expect(await suspensions({})).toEqual([
      ['CriteoConnection', undefined],
      ['CriteoSegmentExport', undefined],
    ]);
    expect(await suspensions({ suspendConnection: true })).toEqual([
      ['CriteoConnection', true],
      ['CriteoSegmentExport', undefined],
    ]);
    expect(await suspensions({ suspend: true })).toEqual([
      ['CriteoConnection', undefined],
      ['CriteoSegmentExport', true],
    ]);
  });
});
