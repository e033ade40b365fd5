import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { finalizer } from '../../../api/names.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { kubectl } from '../../cluster/kubectl.ts';
import { repositoryDirectory } from '../../cluster/paths.ts';
import { waitFor } from '../../cluster/wait.ts';
import { exporterImage as image } from '../../support/controllerprocess.ts';
import { runProgram } from '../../support/pulumi/program.ts';
import { AppliedProgram } from '../../support/pulumi/provider.ts';
import type { KubernetesObject } from '../../support/pulumi/registrations.ts';

/** What docs/pulumi.md says of a cluster in which something is there already. */
let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane();
});
afterAll(() => controlPlane?.stop());

const run = (args: readonly string[], input?: string): Promise<string> =>
  kubectl(controlPlane.kubeconfigPath, args, input);

async function collected(config: Record<string, unknown>): Promise<AppliedProgram> {
  const { registrations, printed } = await runProgram('controller', { config: { image, ...config } });
  expect(printed).toBe('');
  return new AppliedProgram(controlPlane.kubeconfigPath, registrations);
}

interface Crd extends KubernetesObject {
  spec: {
    versions: {
      schema: { openAPIV3Schema: { properties: { spec: { properties: Record<string, unknown> } } } };
    }[];
  };
}

/** The CRD of exports, as a release without guards and with another kind of schedules would have had it. */
async function olderCrd(): Promise<Crd> {
  const file = join(repositoryDirectory, 'crds/criteosegmentexports.segmentexport.io.yaml');
  const crd = parse(await readFile(file, 'utf8')) as Crd;
  for (const { schema } of crd.spec.versions) {
    const { properties } = schema.openAPIV3Schema.properties.spec;
    properties.schedule = { type: 'string', maxLength: 10 };
    delete properties.removalGuard;
  }
  return crd;
}

test('an older CRD that kubectl installed: refused, and a conflict that names its manager; taken over once, it is replaced, and exports stay', async () => {
  const older = ['apply', '--server-side', '-f', '-'];
  const text = JSON.stringify(await olderCrd());
  await run(older, text);
  const schema = '.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.schedule.type';
  const typeOfSchedule = (): Promise<string> =>
    run(['get', 'crd', 'criteosegmentexports.segmentexport.io', `--output=jsonpath={${schema}}`]);
  expect(await typeOfSchedule()).toBe('string');
  const exportFile = join(repositoryDirectory, 'examples/export.yaml');
  const { spec, ...rest } = parse(await readFile(exportFile, 'utf8')) as { spec: object };
  const { schedule, removalGuard, ...unscheduled } = spec as { schedule: object; removalGuard: object };
  await waitFor('exports are served', 60_000, async () =>
    run(['create', '-f', '-'], JSON.stringify({ ...rest, spec: unscheduled })).then(
      () => true,
      (error: unknown) => {
        if (!String(error).includes('no matches for kind')) throw error;
        return undefined;
      },
    ),
  );
  const guarded = JSON.stringify({ ...rest, spec: { ...unscheduled, removalGuard } });
  // Pulumi's provider creates by the one, and changes by the other.
  const create = ['create', '--validate=warn', '--dry-run=server', '--output=json', '-f', '-'];
  expect(await run(create, guarded.replace('newsletter', 'another'))).not.toContain('removalGuard');
  const change = ['apply', '--server-side', '--force-conflicts', '--validate=warn', '-f', '-'];
  await expect(run(change, guarded)).rejects.toThrow('.spec.removalGuard: field not declared in schema');
  const stack = await collected({});

  await expect(stack.up()).rejects.toThrow(/already exists: .*criteosegmentexports.segmentexport.io/);
  await expect(stack.up({ upsertExistingObjects: true })).rejects.toThrow(
    'conflict with "kubectl": .spec.versions',
  );
  expect(await typeOfSchedule()).toBe('string');
  const ours = join(repositoryDirectory, 'crds/criteosegmentexports.segmentexport.io.yaml');
  await expect(run(['diff', '--server-side', '--force-conflicts', '-f', ours])).rejects.toThrow(
    /^\+ +startingDeadlineSeconds:$/m,
  );

  await stack.up({ upsertExistingObjects: true, enablePatchForce: true });
  expect(await typeOfSchedule()).toBe('object');
  expect(await run(['get', 'criteosegmentexports', '--output=name'])).toContain('newsletter');
  await stack.up();
});

test('a namespace that others manage is left alone: not changed, and not destroyed', async () => {
  await run(['create', 'namespace', 'theirs']);
  const before = await run(['get', 'namespace', 'theirs', '--output=json']);
  const config = { namespace: 'theirs', installDefinitions: false, watchedNamespaces: ['theirs'] };
  const greedy = await collected(config);
  await expect(greedy.up()).rejects.toThrow('already exists: namespace/theirs');
  const stack = await collected({ ...config, createNamespace: false });
  await stack.up();
  expect(await run(['get', 'namespace', 'theirs', '--output=json'])).toBe(before);
  await stack.destroy();
  expect(await run(['get', 'namespace', 'theirs', '--output=jsonpath={.status.phase}'])).toBe('Active');
  expect(await run(['get', 'deployments', '--namespace', 'theirs', '--output=name'])).toBe('');
});

test('CRDs that are deleted after their controller wait for an export with a finalizer of ours, until --release-finalizers lets go of it', async () => {
  const crd = 'crd/criteosegmentexports.segmentexport.io';
  const metadata = { finalizers: [finalizer] };
  await run([
    ...['patch', 'criteosegmentexport', 'newsletter', '--type=merge'],
    `--patch=${JSON.stringify({ metadata })}`,
  ]);
  await run(['delete', crd, '--wait=false']);
  await run(['wait', crd, '--for=condition=Terminating', '--timeout=60s']);
  await run([
    'wait',
    'criteosegmentexport/newsletter',
    '--for=jsonpath={.metadata.deletionTimestamp}',
    '--timeout=60s',
  ]);

  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['controller/main.ts', '--release-finalizers', '--leader-elect=false'],
    { cwd: repositoryDirectory, env: { ...process.env, KUBECONFIG: controlPlane.kubeconfigPath } },
  );
  expect(stdout).toContain('1 export was let go.');
  await run(['wait', crd, '--for=delete', '--timeout=60s']);
});
