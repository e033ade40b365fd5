import * as k8s from '@pulumi/kubernetes';
import type * as pulumi from '@pulumi/pulumi';
import type {
  CriteoSegmentExportSpec,
  CriteoSegmentExportStatus,
} from '../api/generated/criteosegmentexport.ts';
import { criteoSegmentExportSchema } from '../api/generated/schemas.ts';
import type { WrittenCriteoSegmentExportSpec } from '../api/generated/written.ts';
import { validateExport } from '../api/validate.ts';
import { checkedResource } from './checked.ts';
import type { Inputs } from './inputs.ts';

/** With deletionPolicy Empty or Delete it goes when Criteo has acknowledged that, or an hour after the controller saw it. */
const deleteTimeout = '70m';

export interface CriteoSegmentExportArgs {
  /**
   * The object's name, namespace, labels and annotations, such as segmentexport.io/requestedAt. Without a name Pulumi
   * makes one of the resource's.
   */
  metadata?: pulumi.Input<k8s.types.input.meta.v1.ObjectMeta>;
  /** What is exported, to where and when; docs/api.md describes each field. */
  spec: Inputs<WrittenCriteoSegmentExportSpec>;
}

/**
 * A CriteoSegmentExport of segmentexport.io/v1alpha1: segments of customer profiles that go to Criteo. What its schema
 * refuses ends a preview, with a message that names each field.
 */
export class CriteoSegmentExport extends k8s.apiextensions.CustomResource {
  declare readonly spec: pulumi.Output<CriteoSegmentExportSpec>;
  /** What the controller saw, as of the last refresh. */
  declare readonly status: pulumi.Output<CriteoSegmentExportStatus | undefined>;

  /**
   * @param name The resource's name in Pulumi.
   * @param args The object.
   * @param opts Should name the provider, and what must be there before: `dependsOn: [controller]`. Pulumi waits 70
   * minutes for its deletion, unless `customTimeouts.delete` says otherwise.
   */
  constructor(name: string, args: CriteoSegmentExportArgs, opts?: pulumi.CustomResourceOptions) {
    const { fields, options } = checkedResource(
      { kind: 'CriteoSegmentExport', validate: validateExport, schema: criteoSegmentExportSchema },
      name,
      args,
      opts,
    );
    super(name, fields, { ...options, customTimeouts: { delete: deleteTimeout, ...options.customTimeouts } });
  }
}
