import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { crdFiles } from '../../scripts/generate/crd.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { kubectl } from '../cluster/kubectl.ts';
import { repositoryDirectory } from '../cluster/paths.ts';
import { waitFor } from '../cluster/wait.ts';
import { type ApiServer, installCrds } from './apiserver.ts';

/** An object, and the path of its kind in its namespace. */
export interface Stored {
  path: string;
  object: object;
}

/**
 * Stores objects by CRDs as they might have been once, which take anything: they stay when the CRDs are as today again.
 * @param refused one that today's CRDs refuse, by which it is seen that they are back.
 */
export async function storeUnderAnotherCrd(
  { controlPlane, api }: { controlPlane: ControlPlane; api: ApiServer },
  objects: readonly Stored[],
  refused: Stored,
): Promise<void> {
  const { kubeconfigPath } = controlPlane;
  // They read fields that these objects do not have.
  const policies = globSync('crds/policy-*.yaml', { cwd: repositoryDirectory });
  const files = policies.flatMap((file) => ['-f', join(repositoryDirectory, file)]);
  await kubectl(kubeconfigPath, ['delete', '--ignore-not-found', ...files]);
  const loose = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  for (const file of crdFiles) {
    const crd = parse(readFileSync(join(repositoryDirectory, file), 'utf8'), { maxAliasCount: -1 });
    const [version] = crd.spec.versions;
    version.schema.openAPIV3Schema = { type: 'object', properties: { spec: loose, status: loose } };
    delete version.selectableFields;
    await kubectl(kubeconfigPath, ['apply', '--server-side', '-f', '-'], JSON.stringify(crd));
  }
  for (const { path, object } of objects) {
    // The API server forgets policies and old schemas a moment later.
    await waitFor('the loose schemas', 30_000, async () => {
      const { status } = await api.call(path, { method: 'POST', body: object });
      return status === 201 || undefined;
    });
  }
  await installCrds(controlPlane);
  await waitFor('the schemas of today', 30_000, async () => {
    const { status } = await api.dryRunCreate(refused.path, refused.object);
    return status === 422 || undefined;
  });
}
