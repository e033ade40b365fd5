import { group } from '../api/names.ts';
import { appLabels, appName, type Manifest } from './options.ts';
import type { Rule } from './rbac.ts';

const kinds = ['criteoconnections', 'criteosegmentexports'];
const read = ['get', 'list', 'watch'];
const write = ['create', 'update', 'patch', 'delete'];
/** The status is the controller's: what stands there is believed, an approval's token among it. */
const roles: { name: string; aggregatedInto?: 'admin' | 'view'; rules: Rule[] }[] = [
  {
    name: 'admin',
    aggregatedInto: 'admin',
    rules: [
      { apiGroups: [group], resources: kinds, verbs: [...read, ...write, 'deletecollection'] },
      { apiGroups: [group], resources: ['criteoconnections'], verbs: ['use'] },
      // An administrator's pods may mount any claim and run as any service account anyway; without these verbs they could
      // not hand them out, because RBAC lets nobody give what they do not have.
      { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['mount'] },
      { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['use'] },
    ],
  },
  {
    name: 'viewer',
    aggregatedInto: 'view',
    rules: [{ apiGroups: [group], resources: kinds, verbs: read }],
  },
  {
    // Not in the built-in `edit`: its holders can make pods with any Secret, and are to choose that knowingly.
    name: 'writer',
    rules: [{ apiGroups: [group], resources: ['criteosegmentexports'], verbs: [...read, ...write] }],
  },
];

/** ClusterRoles for people and pipelines; docs/access.md tells who may do what by them. */
export function userRoles(): Manifest[] {
  return roles.map(({ name, aggregatedInto, rules }) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: {
      name: `${appName}-${name}`,
      labels: {
        ...appLabels,
        'app.kubernetes.io/component': 'access',
        ...(aggregatedInto === undefined
          ? {}
          : { [`rbac.authorization.k8s.io/aggregate-to-${aggregatedInto}`]: 'true' }),
      },
    },
    rules,
  }));
}
