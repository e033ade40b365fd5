import { group, version } from '../api/names.ts';
import { cel } from './admissionpolicy.ts';
import { appLabels, type InstallOptions, type Manifest } from './options.ts';
import { settingsOf } from './settings.ts';

/**
 * The controller's allow-list of base URLs, asked when a connection is written; the
 * controller asks again (BaseUrlNotAllowed) for connections that were there before it.
 */
export function baseUrlPolicy(options: InstallOptions): Manifest[] {
  const { watchedNamespaces } = options;
  const allowed = settingsOf(options).allowedBaseUrls;
  const name = `baseurls.${options.namespace}.${group}`;
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const metadata = { name, labels: appLabels };
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          // Other installations of the cluster have lists of their own.
          ...(watchedNamespaces.length === 0
            ? {}
            : {
                namespaceSelector: {
                  matchExpressions: [
                    { key: 'kubernetes.io/metadata.name', operator: 'In', values: watchedNamespaces },
                  ],
                },
              }),
          resourceRules: [
            {
              apiGroups: [group],
              apiVersions: [version],
              resources: ['criteoconnections'],
              operations: ['CREATE', 'UPDATE'],
            },
          ],
        },
        matchConditions: [
          {
            // One whose URL has left the list can still be changed otherwise, and stopped.
            name: 'writes-api',
            expression: 'oldObject == null || object.spec.api != oldObject.spec.api',
          },
        ],
        validations: [
          {
            expression: `object.spec.api.baseUrl in ${cel(allowed.flatMap((url) => [url, `${url}/`]))}`,
            message: 'spec.api.baseUrl: it is not on the allow-list of base URLs.',
            messageExpression: `"spec.api.baseUrl: " + object.spec.api.baseUrl + ${cel(` is not on the controller's allow-list (${allowed.join(', ')}); use one of these, or have it added with --allowed-base-url.`)}`,
          },
        ],
      },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  ];
}
