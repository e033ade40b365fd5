import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalWorkspace, type Stack } from '@pulumi/pulumi/automation/index.js';
import { repositoryDirectory } from '../cluster/paths.ts';

const workDir = join(repositoryDirectory, 'pulumi/stacks/local');

export interface Surroundings {
  /** The cluster's; absolute, because the CLI runs in the program's directory. */
  kubeconfigPath: string;
  /** Directory of the backend. */
  state: string;
  /** What the CLI keeps for itself, in the place of ~/.pulumi. */
  home: string;
}

/**
 * A new stack of the program pulumi/stacks/local, with nothing in it. What it leaves behind is added to `cleanUps`, in
 * the order in which it was made.
 */
export async function newStack(
  { kubeconfigPath, state, home }: Surroundings,
  cleanUps: (() => Promise<unknown>)[],
): Promise<Stack> {
  const stackName = `test-${randomBytes(4).toString('hex')}`;
  // Plugins on PATH are taken, whatever version the program asks for.
  delete process.env.PULUMI_IGNORE_AMBIENT_PLUGINS;
  // The CLI writes it beside Pulumi.yaml.
  cleanUps.push(() => rm(join(workDir, `Pulumi.${stackName}.yaml`), { force: true }));
  const stack = await LocalWorkspace.createStack(
    { stackName, workDir },
    {
      pulumiHome: home,
      envVars: {
        KUBECONFIG: kubeconfigPath,
        PULUMI_BACKEND_URL: `file://${state}`,
        PULUMI_CONFIG_PASSPHRASE: randomBytes(24).toString('base64url'),
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
        PULUMI_SKIP_UPDATE_CHECK: 'true',
      },
    },
  );
  // Once more, for a step that fails; a stack with nothing in it is destroyed at once.
  cleanUps.push(() => stack.destroy());
  return stack;
}
