import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { baseUrlPolicy } from './baseurlpolicy.ts';
import { controllerPolicies } from './controllerpolicies.ts';
import { deployment, namespace } from './deployment.ts';
import { networkPolicy } from './networkpolicy.ts';
import type { InstallOptions, Manifest } from './options.ts';
import { rbac } from './rbac.ts';
import { userRoles } from './userroles.ts';

const crdDirectory = join(import.meta.dirname, '..', 'crds');

/** The CRDs, then the admission policies, as they are in crds/. */
function contract(): Manifest[] {
  return readdirSync(crdDirectory)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((name) => parseAllDocuments(readFileSync(join(crdDirectory, name), 'utf8')))
    .map((document) => document.toJS() as Manifest);
}

/** Everything that an installation is, in the order in which it is applied. */
export function manifests(options: InstallOptions): Manifest[] {
  return [
    ...contract(),
    namespace(options),
    ...rbac(options),
    ...userRoles(),
    ...controllerPolicies(options),
    ...baseUrlPolicy(options),
    networkPolicy(options),
    deployment(options),
  ];
}
