import { baseUrlPolicy } from './baseurlpolicy.ts';
import { contract } from './contents.ts';
import { controllerPolicies } from './controllerpolicies.ts';
import { deployment, namespace } from './deployment.ts';
import { metricsService } from './metricsservice.ts';
import { monitoring } from './monitoring.ts';
import { networkPolicy } from './networkpolicy.ts';
import type { InstallOptions, Manifest } from './options.ts';
import { podDisruptionBudget } from './poddisruptionbudget.ts';
import { rbac } from './rbac.ts';
import { userRoles } from './userroles.ts';

/**
 * Everything that an installation is, in the order in which it is applied: the controller after its rights and what it
 * is held to. The same options give the same list; which objects are in it does not depend on image, namespace, replicas,
 * resources, ports, URLs and flags.
 */
export function manifests(options: InstallOptions): Manifest[] {
  const { createNamespace, installDefinitions } = options;
  return [
    ...(installDefinitions ? contract() : []),
    ...(createNamespace ? [namespace(options)] : []),
    ...rbac(options),
    ...(installDefinitions ? userRoles() : []),
    ...controllerPolicies(options),
    ...baseUrlPolicy(options),
    networkPolicy(options),
    deployment(options),
    podDisruptionBudget(options),
    metricsService(options),
    ...monitoring(options),
  ];
}
