import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repositoryDirectory } from '../../cluster/paths.ts';

const run = promisify(execFile);

/** An empty project into which the archive of `npm pack` was installed. */
let project: string;
let packed: string[];

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'pulumi-package-'));
  const packageDirectory = join(repositoryDirectory, 'pulumi');
  // As in a new clone.
  await rm(join(packageDirectory, 'dist'), { recursive: true, force: true });
  const archives = join(project, 'archives');
  await mkdir(archives);
  const pack = ['pack', '--ignore-scripts=false', '--json', '--pack-destination', archives];
  const { stdout } = await run('npm', pack, { cwd: packageDirectory });
  // An npm that is older says here too what it runs.
  const [archive] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [
    { filename: string; files: { path: string }[] },
  ];
  packed = archive.files.map(({ path }) => path);
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'shop', private: true }));
  // What it brings is in it; Pulumi is the project's own.
  const offline = ['--offline', '--legacy-peer-deps', '--no-audit', '--no-fund'];
  await run('npm', ['install', ...offline, join(archives, archive.filename)], { cwd: project });
  await symlink(join(repositoryDirectory, 'node_modules/@pulumi'), join(project, 'node_modules/@pulumi'));
});

afterAll(() => rm(project, { recursive: true, force: true }));

/** Runs a file of the project and returns what it printed, and how it ended. */
async function runFile(name: string, text: string): Promise<{ code: number; printed: string }> {
  await writeFile(join(project, name), text);
  try {
    const { stdout } = await run(process.execPath, [name], { cwd: project });
    return { code: 0, printed: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, printed: stdout + stderr };
  }
}

const program = `
const registered = [];
const mocks = {
  newResource: ({ name, type, inputs }) => {
    registered.push(type);
    return { id: name, state: inputs };
  },
  call: () => ({}),
};
async function main(spec) {
  await pulumi.runtime.setMocks(mocks, 'shop', 'dev', true);
  const monitoring = { serviceMonitor: true, podMonitor: true, prometheusRule: true, dashboard: true };
  const controller = new CriteoExportController('criteo', { image: 'registry.example/x@sha256:0', monitoring });
  const metadata = { name: 'nordic', namespace: 'shop' };
  const credentials = new CriteoCredentials('secret', { metadata, clientId: 'id', clientSecret: 'hush' });
  const dataPrivacy = { agreed: true, agreedBy: 'Head of marketing', agreedOn: '2026-11-22' };
  const credentialsSecretRef = { name: credentials.metadata.name };
  new CriteoConnection('nordic', { metadata, spec: { credentialsSecretRef, dataPrivacy } }, { dependsOn: [controller] });
  new CriteoSegmentExport('readers', { metadata, spec }, { dependsOn: [controller] });
  await pulumi.runtime.disconnect(false);
  console.log(JSON.stringify(registered));
}
const spec = {
  connectionRef: { name: 'nordic' },
  match: { email: { field: 'email' } },
  source: { file: { persistentVolumeClaim: { claimName: 'data' }, path: 'people.csv', segmentField: 'segment' } },
  segments: [{ name: 'readers' }],
};
`;
const names = '{ CriteoConnection, CriteoCredentials, CriteoExportController, CriteoSegmentExport }';
const asModule = `import * as pulumi from '@pulumi/pulumi';
import ${names} from 'criteo-segment-export-pulumi';
${program}`;
const asCommonJs = `const pulumi = require('@pulumi/pulumi');
const ${names} = require('criteo-segment-export-pulumi');
${program}`;

describe('the package that npm pack makes of the sources alone', () => {
  test('holds JavaScript, declarations, licences and the way to use it, and no source', () => {
    expect(packed).toEqual(
      expect.arrayContaining([
        'README.md',
        'dist/LICENSE',
        'dist/THIRD-PARTY-NOTICES.txt',
        'dist/index.js',
        'dist/types/pulumi/index.d.ts',
        'package.json',
      ]),
    );
    expect(packed.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))).toEqual([]);
  });

  test('brings no other package into the project', async () => {
    const installed = await readdir(join(project, 'node_modules'));
    expect(installed.filter((name) => !name.startsWith('.')).sort()).toEqual([
      '@pulumi',
      'criteo-segment-export-pulumi',
    ]);
  });

  test.each([
    ['a module', 'main.mjs', asModule],
    ['CommonJS', 'main.cjs', asCommonJs],
  ])('runs in a program that is %s', async (_, file, text) => {
    const { code, printed } = await runFile(file, `${text}\nmain(spec);`);
    expect({ code, printed: code === 0 ? '' : printed }).toEqual({ code: 0, printed: '' });
    const registered = JSON.parse(printed) as string[];
    expect(registered).toEqual(
      expect.arrayContaining([
        'kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition',
        'kubernetes:apps/v1:Deployment',
        'kubernetes:monitoring.coreos.com/v1:PrometheusRule',
        'kubernetes:core/v1:ConfigMap',
        'kubernetes:segmentexport.io/v1alpha1:CriteoConnection',
        'kubernetes:segmentexport.io/v1alpha1:CriteoSegmentExport',
      ]),
    );
  });

  // A project without a compiler of its own has this one.
  test('has declarations that the compiler in Pulumi’s own package can read', async () => {
    const { createSourceFile } = createRequire(import.meta.url)(
      '@pulumi/pulumi/vendor/typescript@3.8.3/typescript.js',
    ) as { createSourceFile(name: string, text: string, target: number): { parseDiagnostics: object[] } };
    const declarations = packed.filter((path) => path.endsWith('.d.ts'));
    expect(declarations).toContain('dist/types/pulumi/index.d.ts');
    const unread: string[] = [];
    for (const path of declarations) {
      const file = join(project, 'node_modules/criteo-segment-export-pulumi', path);
      const { parseDiagnostics } = createSourceFile(path, await readFile(file, 'utf8'), 99);
      if (parseDiagnostics.length > 0) unread.push(path);
    }
    expect(unread).toEqual([]);
  });

  test('refuses at preview what the schema refuses, and says so', async () => {
    const { code, printed } = await runFile(
      'refused.mjs',
      `${asModule}\nmain({ ...spec, segments: [{ name: 'readers', shown: 1 }] });`,
    );
    expect(code).not.toBe(0);
    expect(printed).toContain('CriteoSegmentExport "readers": spec.segments[0].shown is not a field');
  });

  test.each([
    ['as a module', { module: 'nodenext', moduleResolution: 'nodenext' }, 'typed.mts'],
    ['as Pulumi’s templates do', { module: 'commonjs', moduleResolution: 'node10' }, 'typed.ts'],
  ])('lets a program be compiled %s, and finds a wrong field', async (_, modules, file) => {
    await writeFile(join(project, file), typed);
    const compilerOptions = {
      ...modules,
      target: 'es2022',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: [],
      ignoreDeprecations: '6.0',
    };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
    const compiler = join(repositoryDirectory, 'node_modules/typescript/bin/tsc');
    const compiled = run(process.execPath, [compiler, '--project', project]);
    await expect(compiled).rejects.toMatchObject({ stdout: expect.stringContaining("'shedule'") });
    const { stdout } = (await compiled.catch((error: unknown) => error)) as { stdout: string };
    expect(stdout.trim().split('\n')).toHaveLength(1);
  });
});

const typed = `import * as pulumi from '@pulumi/pulumi';
import { CriteoConnection, type CriteoSegmentExportArgs, CriteoExportController } from 'criteo-segment-export-pulumi';

const controller = new CriteoExportController('criteo', { image: pulumi.output('registry.example/x') });
const dataPrivacy = { agreed: true, agreedBy: 'Head of marketing', agreedOn: '2026-11-22' };
const spec = { credentialsSecretRef: { name: controller.namespace }, dataPrivacy };
export const advertisers = new CriteoConnection('nordic', { spec }, { dependsOn: controller }).status.apply(
  (status) => status?.advertisers?.total ?? 0,
);
export const wrong: CriteoSegmentExportArgs['spec'] = {
  connectionRef: { name: 'nordic' },
  match: { email: { field: 'email' } },
  source: { file: { persistentVolumeClaim: { claimName: 'data' }, path: 'people.csv' } },
  segments: [{ name: pulumi.secret('readers') }],
  shedule: { cron: '0 4 * * *' },
};
`;
