import { group } from '../api/names.ts';
import { appLabels, appName, type InstallOptions, type Manifest } from './options.ts';

/**
 * What the controller may do. It has no rule on Secrets: the pods of its Jobs
 * get them from the kubelet, and the controller never reads one.
 */
const clusterRules = [
  {
    apiGroups: [group],
    resources: ['criteoconnections', 'criteosegmentexports'],
    verbs: ['get', 'list', 'watch'],
  },
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
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
];

const leaseRules = [
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
];

export function rbac(options: InstallOptions): Manifest[] {
  const rbacVersion = 'rbac.authorization.k8s.io/v1';
  const roleRef = (kind: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name: appName });
  const subjects = [{ kind: 'ServiceAccount', name: appName, namespace: options.namespace }];
  const metadata = { name: appName, labels: appLabels };
  const namespaced = { ...metadata, namespace: options.namespace };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: namespaced },
    { apiVersion: rbacVersion, kind: 'ClusterRole', metadata, rules: clusterRules },
    {
      apiVersion: rbacVersion,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: roleRef('ClusterRole'),
      subjects,
    },
    { apiVersion: rbacVersion, kind: 'Role', metadata: namespaced, rules: leaseRules },
    {
      apiVersion: rbacVersion,
      kind: 'RoleBinding',
      metadata: namespaced,
      roleRef: roleRef('Role'),
      subjects,
    },
  ];
}
