import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { appName, defaultOptions } from '../../../deploy/options.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { kubectl, kubectlPath } from '../../cluster/kubectl.ts';
import { run } from '../../cluster/run.ts';
import { installCrds } from '../../support/apiserver.ts';
import { commandsOf } from '../../support/markdown.ts';

/** What the words that stand for a name become. */
const names: Record<string, string> = {
  NAMESPACE: 'default',
  NAME: 'newsletter',
  RUN: 'newsletter-1',
  NODE: 'worker-1',
};
const commands = commandsOf('docs/runbook.md');

let controlPlane: ControlPlane;
let directory: string;

const container = { name: 'any', image: 'any.example/any' };
const workload = { apiVersion: 'v1', kind: 'List', items: [job(), deployment(), lease(), node()] };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'runbook-'));
  await mkdir(join(directory, 'bin'));
  await symlink(await kubectlPath(), join(directory, 'bin/kubectl'));
  for (const key of ['clientId', 'clientSecret']) await writeFile(join(directory, key), 'any');
  controlPlane = await startControlPlane({ controllerManager: false });
  const { kubeconfigPath } = controlPlane;
  await installCrds(controlPlane);
  await kubectl(kubeconfigPath, ['create', 'namespace', defaultOptions.namespace]);
  await kubectl(kubeconfigPath, ['apply', '-f', 'examples/connection.yaml', '-f', 'examples/export.yaml']);
  await kubectl(kubeconfigPath, ['apply', '-f', '-'], JSON.stringify(workload));
});

afterAll(async () => {
  await controlPlane?.stop();
  await rm(directory, { recursive: true, force: true });
});

test('docs/runbook.md has commands', () => {
  expect(commands.length).toBeGreaterThan(20);
});

test.each(commands)('a person on call can type: %s', async (command) => {
  const typed = command
    .replaceAll(/\b(?:NAMESPACE|NAME|RUN|NODE)\b/g, (word) => names[word] ?? word)
    // The next command needs what this one would delete.
    .replace(/^kubectl delete /, '$&--dry-run=server ');
  await run('bash', ['-c', typed], {
    cwd: directory,
    env: {
      ...process.env,
      PATH: `${join(directory, 'bin')}:${process.env.PATH}`,
      KUBECONFIG: controlPlane.kubeconfigPath,
    },
  });
});

function job(): object {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: names.RUN, namespace: 'default' },
    spec: { suspend: true, template: { spec: { restartPolicy: 'Never', containers: [container] } } },
  };
}

function deployment(): object {
  const labels = { any: 'any' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: appName, namespace: defaultOptions.namespace },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  };
}

function lease(): object {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'leader.segmentexport.io', namespace: defaultOptions.namespace },
  };
}

function node(): object {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: names.NODE } };
}
