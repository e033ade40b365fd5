import { group } from '../api/names.ts';
import { appLabels, appName, type InstallOptions, type Manifest } from './options.ts';

/** A rule of a Role or ClusterRole. */
export interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

/**
 * What the controller may do. It has no rule on Secrets: the pods of its Jobs
 * get them from the kubelet, and the controller never reads one. The integration
 * tests compare this with what the API server saw it use (test/support/usedrights.ts).
 */
export const controllerRules: Rule[] = [
  { apiGroups: [group], resources: ['criteoconnections', 'criteosegmentexports'], verbs: ['list', 'watch'] },
  // Its own finalizer on exports whose segments at Criteo are to be dealt with when they go.
  { apiGroups: [group], resources: ['criteosegmentexports'], verbs: ['patch'] },
  {
    apiGroups: [group],
    resources: ['criteoconnections/status', 'criteosegmentexports/status'],
    verbs: ['update'],
  },
  // Where OwnerReferencesPermissionEnforcement is on, owner references that block deletion need this.
  {
    apiGroups: [group],
    resources: ['criteoconnections/finalizers', 'criteosegmentexports/finalizers'],
    verbs: ['update'],
  },
  { apiGroups: ['batch'], resources: ['cronjobs'], verbs: ['list', 'watch', 'create', 'patch'] },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['list', 'watch', 'create', 'patch', 'delete'] },
  // The report of a run is its pod's termination message.
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
  // Whether a claim exists, to say so before a pod hangs for want of it; and the claims of ledgers, which it never deletes.
  { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['get', 'create'] },
  // Whether a run's service account exists, to say so before its pod is refused.
  { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get'] },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
];

/** In its own namespace. */
export const leaseRules: Rule[] = [
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
];

export function rbac(options: InstallOptions): Manifest[] {
  const { namespace, watchedNamespaces } = options;
  const account = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: appName, namespace, labels: appLabels },
  };
  return [
    account,
    ...(watchedNamespaces.length === 0
      ? granted(options, { kind: 'ClusterRole', name: appName }, controllerRules)
      : watchedNamespaces.flatMap((watched) =>
          // Not the Lease's name: the controller may watch its own namespace.
          granted(options, { kind: 'Role', name: `${appName}-exports`, namespace: watched }, controllerRules),
        )),
    ...granted(options, { kind: 'Role', name: appName, namespace }, leaseRules),
  ];
}

/** A role, and its binding to the controller. */
function granted(
  { namespace: home }: InstallOptions,
  { kind, name, namespace }: { kind: 'ClusterRole' | 'Role'; name: string; namespace?: string },
  rules: Rule[],
): Manifest[] {
  const apiGroup = 'rbac.authorization.k8s.io';
  const apiVersion = `${apiGroup}/v1`;
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }), labels: appLabels };
  return [
    { apiVersion, kind, metadata, rules },
    {
      apiVersion,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup, kind, name },
      subjects: [{ kind: 'ServiceAccount', name: appName, namespace: home }],
    },
  ];
}
