import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultSettings } from '../../../controller/plan/settings.ts';
import { controllerRules, type Rule } from '../../../deploy/rbac.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { kubectl } from '../../cluster/kubectl.ts';
import { waitFor } from '../../cluster/wait.ts';
import { installCrds } from '../../support/apiserver.ts';
import { jobShapes } from './jobshapes.ts';

/**
 * The rules on finalizers are used by no request, and so by no line of an audit log: an
 * admission plugin asks for them, where it is on, before a child may keep its owner from going.
 */

let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane({
    controllerManager: false,
    apiServerArguments: ['--enable-admission-plugins=OwnerReferencesPermissionEnforcement'],
  });
  await installCrds(controlPlane);
});
afterAll(() => controlPlane?.stop());

const rbac = 'rbac.authorization.k8s.io';
const shapes = jobShapes({ ...defaultSettings, image: 'registry.example/criteo-segment-export:1' });

/** Somebody with these rules creates a Job: what kubectl printed. */
async function createdBy(user: string, rules: Rule[], job: object | undefined): Promise<string> {
  const name = `${rbac}/v1`;
  const items = [
    { apiVersion: name, kind: 'ClusterRole', metadata: { name: user }, rules },
    {
      apiVersion: name,
      kind: 'ClusterRoleBinding',
      metadata: { name: user },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: user },
      subjects: [{ apiGroup: rbac, kind: 'User', name: user }],
    },
  ];
  const run = (args: string[], object: object): Promise<string> =>
    kubectl(controlPlane.kubeconfigPath, args, JSON.stringify(object));
  await run(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
  return await waitFor(`${user} to have these rights`, 30_000, async () => {
    const args = ['create', '-f', '-', '--dry-run=server', '--validate=false', `--as=${user}`];
    const printed = await run(args, job ?? {}).catch(String);
    return printed.includes(`User "${user}" cannot create`) ? undefined : printed;
  });
}

describe.each([
  ['criteosegmentexports/finalizers', shapes['a run of a file, with no ledger']],
  ['criteoconnections/finalizers', shapes['a check, with no ledger']],
])('the rule on %s', (resource, job) => {
  const without = controllerRules.map((rule) => ({
    ...rule,
    resources: rule.resources.filter((name) => name !== resource),
  }));

  test('is enough for a child that its owner waits for', async () => {
    const user = `whole-${resource.split('/')[0]}`;
    expect(await createdBy(user, controllerRules, job)).toContain('created (server dry run)');
  });

  test('is needed', async () => {
    const user = `part-${resource.split('/')[0]}`;
    expect(await createdBy(user, without, job)).toContain('cannot set blockOwnerDeletion');
  });
});
