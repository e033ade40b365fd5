import * as k8s from '@pulumi/kubernetes';
import type * as pulumi from '@pulumi/pulumi';
import type { Manifest } from '../deploy/options.ts';

type KubernetesClass = new (
  name: string,
  // Each takes the fields of its own kind.
  args: never,
  opts?: pulumi.CustomResourceOptions,
) => pulumi.CustomResource;

/** By `apiVersion kind`: what an installation is made of. */
const classes: Readonly<Record<string, KubernetesClass>> = {
  'apiextensions.k8s.io/v1 CustomResourceDefinition': k8s.apiextensions.v1.CustomResourceDefinition,
  'admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy':
    k8s.admissionregistration.v1.ValidatingAdmissionPolicy,
  'admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding':
    k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding,
  'v1 Namespace': k8s.core.v1.Namespace,
  'v1 ServiceAccount': k8s.core.v1.ServiceAccount,
  'v1 Service': k8s.core.v1.Service,
  'v1 ConfigMap': k8s.core.v1.ConfigMap,
  'rbac.authorization.k8s.io/v1 ClusterRole': k8s.rbac.v1.ClusterRole,
  'rbac.authorization.k8s.io/v1 ClusterRoleBinding': k8s.rbac.v1.ClusterRoleBinding,
  'rbac.authorization.k8s.io/v1 Role': k8s.rbac.v1.Role,
  'rbac.authorization.k8s.io/v1 RoleBinding': k8s.rbac.v1.RoleBinding,
  'networking.k8s.io/v1 NetworkPolicy': k8s.networking.v1.NetworkPolicy,
  'policy/v1 PodDisruptionBudget': k8s.policy.v1.PodDisruptionBudget,
  'apps/v1 Deployment': k8s.apps.v1.Deployment,
};

/** Registers an object as a resource of its kind; of a kind that is none of Kubernetes' own, as a CustomResource. */
export function registerObject(
  name: string,
  { apiVersion, kind }: Pick<Manifest, 'apiVersion' | 'kind'>,
  fields: Readonly<Record<string, pulumi.Input<unknown>>>,
  opts: pulumi.CustomResourceOptions,
): pulumi.CustomResource {
  const known = classes[`${apiVersion} ${kind}`];
  if (known) return new known(name, fields as never, opts);
  return new k8s.apiextensions.CustomResource(name, { ...fields, apiVersion, kind }, opts);
}
