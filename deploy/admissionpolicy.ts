import { appLabels, type Manifest } from './options.ts';

/** A ValidatingAdmissionPolicy that binds one identity. */
export interface IdentityPolicy {
  name: string;
  /** `system:serviceaccount:<namespace>:<name>`. */
  username: string;
  apiGroup: string;
  apiVersion: string;
  resources: string[];
  operations: ('CREATE' | 'UPDATE' | 'DELETE')[];
  /** CEL; each may use those before it. */
  variables?: Record<string, string>;
  validations: Validation[];
}

export interface Validation {
  /** CEL; false refuses. */
  expression: string;
  message: string;
  /** CEL, in the place of `message`. */
  messageExpression?: string;
}

/** The policy and its binding; a request that it cannot judge is refused. */
export function identityPolicy(policy: IdentityPolicy): Manifest[] {
  const { name, username, apiGroup, apiVersion, resources, operations, variables = {}, validations } = policy;
  const metadata = { name, labels: appLabels };
  const admission = 'admissionregistration.k8s.io/v1';
  return [
    {
      apiVersion: admission,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [{ apiGroups: [apiGroup], apiVersions: [apiVersion], resources, operations }],
        },
        matchConditions: [
          { name: 'controller', expression: `request.userInfo.username == ${cel(username)}` },
        ],
        variables: Object.entries(variables).map(([variable, expression]) => ({
          name: variable,
          expression,
        })),
        validations: validations.map((validation) => ({ ...validation, reason: 'Forbidden' })),
      },
    },
    {
      apiVersion: admission,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  ];
}

/** A literal; all values of a list or a map must be of one type. */
export function cel(value: string | readonly string[] | Readonly<Record<string, string>>): string {
  return JSON.stringify(value);
}

/** That an object or a map has no other fields than these. */
export function onlyFields(object: string, fields: readonly string[]): string {
  return `${object}.all(field, field in ${cel(fields)})`;
}
