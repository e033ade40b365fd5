import type * as pulumi from '@pulumi/pulumi';

/**
 * A type of the API in which every field may also be an Output or a Promise of it, at every depth. The descriptions of
 * the fields stay, so that an editor shows them.
 */
export type Inputs<T> = pulumi.Input<
  T extends readonly (infer Item)[]
    ? Inputs<Item>[]
    : T extends object
      ? { [Field in keyof T]: Inputs<T[Field]> }
      : T
>;
