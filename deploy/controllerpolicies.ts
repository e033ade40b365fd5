import { finalizer, group, labels, managedBy, version } from '../api/names.ts';
import { cel, identityPolicy, onlyFields } from './admissionpolicy.ts';
import { jobRules, jobVariables } from './jobrules.ts';
import { appName, type InstallOptions, type Manifest } from './options.ts';
import { settingsOf } from './settings.ts';

/**
 * What the controller's own identity is held to, beside its Role: who may create
 * Jobs could else run anything, with any Secret of any namespace. They say nothing
 * about other people's Jobs.
 */
export function controllerPolicies(options: InstallOptions): Manifest[] {
  const username = `system:serviceaccount:${options.namespace}:${appName}`;
  // Two installations of one cluster must not take each other's policies away.
  const nameOf = (what: string): string => `controller-${what}.${options.namespace}.${group}`;
  return [
    ...identityPolicy({
      name: nameOf('jobs'),
      username,
      apiGroup: 'batch',
      apiVersion: 'v1',
      resources: ['jobs', 'cronjobs'],
      operations: ['CREATE', 'UPDATE', 'DELETE'],
      variables: jobVariables,
      validations: jobRules(settingsOf(options)),
    }),
    ...identityPolicy({
      name: nameOf('claims'),
      username,
      apiGroup: '',
      apiVersion: 'v1',
      resources: ['persistentvolumeclaims'],
      operations: ['CREATE'],
      validations: [
        {
          // No volumeName, selector or dataSource: by these a claim gets what is on another's volume.
          expression: onlyFields('dyn(object).spec', [
            'accessModes',
            'resources',
            'storageClassName',
            'volumeMode',
          ]),
          message: 'The controller makes empty volumes only.',
        },
        {
          expression: `object.metadata.?labels[?${cel(labels.managedBy)}].orValue("") == ${cel(managedBy)}`,
          message: `The controller makes claims with the label ${labels.managedBy}: ${managedBy} only.`,
        },
      ],
    }),
    ...identityPolicy({
      name: nameOf('exports'),
      username,
      apiGroup: group,
      apiVersion: version,
      resources: ['criteosegmentexports'],
      operations: ['UPDATE'],
      variables: {
        others: `dyn(object).metadata.?finalizers.orValue([]).filter(name, name != ${cel(finalizer)})`,
        oldOthers: `dyn(oldObject).metadata.?finalizers.orValue([]).filter(name, name != ${cel(finalizer)})`,
      },
      validations: [
        {
          // Its patch of the finalizer must not become a way to write what people write: an approval, for one.
          expression:
            'object.spec == oldObject.spec && ["labels", "annotations", "ownerReferences"].all(field, dyn(object).metadata[?field] == dyn(oldObject).metadata[?field]) && variables.others == variables.oldOthers',
          message: `The controller changes nothing of an export but its own finalizer ${finalizer}.`,
        },
      ],
    }),
  ];
}
