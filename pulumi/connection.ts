import * as k8s from '@pulumi/kubernetes';
import type * as pulumi from '@pulumi/pulumi';
import type { CriteoConnectionSpec, CriteoConnectionStatus } from '../api/generated/criteoconnection.ts';
import { criteoConnectionSchema } from '../api/generated/schemas.ts';
import type { WrittenCriteoConnectionSpec } from '../api/generated/written.ts';
import { validateConnection } from '../api/validate.ts';
import { checkedResource } from './checked.ts';
import type { Inputs } from './inputs.ts';

export interface CriteoConnectionArgs {
  /** The object's name, namespace, labels and annotations. Without a name Pulumi makes one of the resource's. */
  metadata?: pulumi.Input<k8s.types.input.meta.v1.ObjectMeta>;
  /** What the connection is to be; docs/api.md describes each field. */
  spec: Inputs<WrittenCriteoConnectionSpec>;
}

/**
 * A CriteoConnection of segmentexport.io/v1alpha1: an account at Criteo, and who agreed that personal data goes there.
 * What its schema refuses ends a preview, with a message that names each field.
 */
export class CriteoConnection extends k8s.apiextensions.CustomResource {
  declare readonly spec: pulumi.Output<CriteoConnectionSpec>;
  /** What the controller saw, as of the last refresh. */
  declare readonly status: pulumi.Output<CriteoConnectionStatus | undefined>;

  /**
   * @param name The resource's name in Pulumi.
   * @param args The object.
   * @param opts Should name the provider, and what must be there before: `dependsOn: [controller]`.
   */
  constructor(name: string, args: CriteoConnectionArgs, opts?: pulumi.CustomResourceOptions) {
    const { fields, options } = checkedResource(
      { kind: 'CriteoConnection', validate: validateConnection, schema: criteoConnectionSchema },
      name,
      args,
      opts,
    );
    super(name, fields, options);
  }
}
