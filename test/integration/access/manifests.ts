import { apiVersion } from '../../../api/names.ts';
import { namespace } from './ground.ts';

export interface Named {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string; [field: string]: unknown };
  [field: string]: unknown;
}

export const connections = `/apis/${apiVersion}/namespaces/${namespace}/criteoconnections`;
export const exports = `/apis/${apiVersion}/namespaces/${namespace}/criteosegmentexports`;
export const collections = { CriteoConnection: connections, CriteoSegmentExport: exports };

export function connection(name: string, spec: object = {}): Named {
  return {
    apiVersion,
    kind: 'CriteoConnection',
    metadata: { name, namespace },
    spec: {
      credentialsSecretRef: { name: 'criteo-nordic' },
      dataPrivacy: { agreed: true, agreedBy: 'Head of marketing', agreedOn: '2026-11-22' },
      ...spec,
    },
  };
}

export function segmentExport(name: string, spec: object = {}): Named {
  return {
    apiVersion,
    kind: 'CriteoSegmentExport',
    metadata: { name, namespace },
    spec: {
      connectionRef: { name: 'nordic' },
      match: { email: { field: 'email' } },
      source: { file: { persistentVolumeClaim: { claimName: 'people' }, path: 'people.csv' } },
      segments: [{ name: 'readers' }],
      ...spec,
    },
  };
}

const rbac = 'rbac.authorization.k8s.io';

export interface Rule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

export function role(name: string, ...rules: Rule[]): Named {
  return { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { name, namespace }, rules };
}

export function roleBinding(
  name: string,
  kind: 'Role' | 'ClusterRole',
  roleName: string,
  usernames: string[],
  where = namespace,
): Named {
  return {
    apiVersion: `${rbac}/v1`,
    kind: 'RoleBinding',
    metadata: { name, namespace: where },
    roleRef: { apiGroup: rbac, kind, name: roleName },
    subjects: usernames.map((username) => ({ apiGroup: rbac, kind: 'User', name: username })),
  };
}
