import * as pulumi from '@pulumi/pulumi';

/**
 * As apply, but also while a part of the value is not known: the function finds what `pulumi.isUnknown` tells in its
 * place. Pulumi's own packages use it; its types do not have it.
 */
export function applyPartly<T, U>(
  output: pulumi.Output<T>,
  func: (value: T) => U | Promise<U>,
): pulumi.Output<U> {
  const partly = output as unknown as {
    apply(func: (value: T) => U | Promise<U>, runWithUnknowns: true): pulumi.Output<U>;
  };
  return partly.apply(func, true);
}

/**
 * Options of a resource that is not registered where `checked` failed. A failure in one of the resource's fields would do
 * that too, but Pulumi would tell it as a fault in serializing that field.
 */
export function afterCheck(
  opts: pulumi.CustomResourceOptions,
  checked: pulumi.Output<unknown>,
): pulumi.CustomResourceOptions {
  return pulumi.mergeOptions(opts, { dependsOn: applyPartly(checked, (): pulumi.Resource[] => []) });
}
