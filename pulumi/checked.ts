import type * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { apiVersion } from '../api/names.ts';
import { type CheckedKind, faultsOf } from './faults.ts';
import { afterCheck, applyPartly } from './partly.ts';

/** What a program gives of a custom resource. */
interface ObjectArgs {
  metadata?: pulumi.Input<k8s.types.input.meta.v1.ObjectMeta>;
  spec: pulumi.Input<unknown>;
}

/**
 * What a custom resource is registered with, once its spec is found right. The spec itself stays as it was given, so that
 * a secret in it is a secret in the state, and what is not known yet is one field of a preview.
 */
export function checkedResource(
  kind: CheckedKind,
  name: string,
  { metadata, spec }: ObjectArgs,
  opts: pulumi.CustomResourceOptions = {},
): { fields: k8s.apiextensions.CustomResourceArgs; options: pulumi.CustomResourceOptions } {
  const whole = pulumi.output(spec);
  const secret = pulumi.isSecret(whole);
  const checked = applyPartly(whole, async (value) => {
    const faults = faultsOf(kind, value, await secret);
    if (faults.length === 0) return;
    const lines = faults.map(({ field, message }) => `${kind.kind} "${name}": ${field} ${message}`);
    // Pulumi prints it as it is, without a stack.
    throw new pulumi.RunError(lines.join('\n'));
  });
  return {
    fields: {
      apiVersion,
      kind: kind.kind,
      ...(metadata === undefined ? {} : { metadata }),
      spec,
      // The controller's to write; that it is named here makes it an output from the start.
      status: undefined,
    },
    options: afterCheck(opts, checked),
  };
}
