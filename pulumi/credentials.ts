import * as k8s from '@pulumi/kubernetes';
import type * as pulumi from '@pulumi/pulumi';

export interface CriteoCredentialsArgs {
  /** The Secret's name, namespace, labels and annotations. Without a name Pulumi makes one of the resource's. */
  metadata?: pulumi.Input<k8s.types.input.meta.v1.ObjectMeta>;
  /** Id of the API client that Criteo issued. */
  clientId: pulumi.Input<string>;
  /** Its secret. */
  clientSecret: pulumi.Input<string>;
}

/**
 * The Secret that a connection's spec.credentialsSecretRef names. In the state its values are secrets, whether they were
 * given as such or not. The connection comes after it where it refers to it by
 * `credentialsSecretRef: {name: credentials.metadata.name}`.
 */
export class CriteoCredentials extends k8s.core.v1.Secret {
  /**
   * @param name The resource's name in Pulumi.
   * @param args The credentials; take them from configuration that is secret.
   * @param opts Should name the provider.
   */
  constructor(name: string, args: CriteoCredentialsArgs, opts?: pulumi.CustomResourceOptions) {
    const { metadata, clientId, clientSecret } = args;
    super(
      name,
      { ...(metadata === undefined ? {} : { metadata }), stringData: { clientId, clientSecret } },
      opts,
    );
  }
}
