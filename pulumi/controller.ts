import * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { contract } from '../deploy/contents.ts';
import { manifests } from '../deploy/manifests.ts';
import { appName, defaultOptions, type Manifest } from '../deploy/options.ts';
import { userRoles } from '../deploy/userroles.ts';
import { laterFaults, plainFaults } from './argfaults.ts';
import type { CriteoExportControllerArgs } from './controllerargs.ts';
import { installOptions, laterOptions, plainOptions } from './installoptions.ts';
import { registerObject } from './kinds.ts';
import { type LaterObject, laterObjects } from './laterobjects.ts';
import { afterCheck } from './partly.ts';

/**
 * The controller with everything that it needs in a cluster: the objects of dist/install.yaml, each a resource.
 * Connections and exports are to be made after it, and to go before it, while it can still do what their deletionPolicy
 * asks: give them `dependsOn: [controller]`.
 */
export class CriteoExportController extends pulumi.ComponentResource {
  /** Namespace of the controller. */
  readonly namespace: pulumi.Output<string>;
  /** Name of the controller's service account in that namespace. */
  readonly serviceAccountName: pulumi.Output<string>;

  /**
   * @param name The resource's name in Pulumi; the names of its parts begin with it.
   * @param args What can be chosen; image is required. One that is wrong ends the program with a message that names it.
   * @param opts Should name the provider of the cluster.
   */
  constructor(name: string, args: CriteoExportControllerArgs, opts?: pulumi.ComponentResourceOptions) {
    super('segmentexport:index:CriteoExportController', name, {}, opts);
    const plain = plainOptions(args);
    const later = laterOptions(args);
    const refuse = (faults: readonly string[]): void => {
      if (faults.length === 0) return;
      // Pulumi prints it as it is, without a stack.
      throw new pulumi.RunError(
        faults.map((fault) => `CriteoExportController "${name}": ${fault}`).join('\n'),
      );
    };
    refuse(plainFaults(plain));
    const checked = laterFaults(later).apply(refuse);

    // They hold no option: none of them has to be built more than once.
    const definitions: LaterObject[] = plain.installDefinitions
      ? [...contract(), ...userRoles()].map((shape) => ({ shape, fields: { ...shape } }))
      : [];
    const kept = new Set(args.deleteCustomResourceDefinitions ? [] : contract().map(identity));
    const objects = laterObjects(
      (options) => manifests({ ...installOptions(plain, options), installDefinitions: false }),
      later,
      checked,
    );
    const foundations: pulumi.Resource[] = [];
    const before: pulumi.Resource[] = [];
    this.namespace = later.namespace;
    for (const { shape, fields } of [...definitions, ...objects]) {
      const options = {
        parent: this,
        // The Deployment comes after the controller's rights and what it is held to, and goes before them.
        dependsOn: shape.kind === 'Deployment' ? [...before] : [...foundations],
        // Where it is not said, it is what the component's own options say.
        ...(kept.has(identity(shape)) ? { retainOnDelete: true } : {}),
      };
      const resource = registerObject(resourceName(name, shape), shape, fields, afterCheck(options, checked));
      before.push(resource);
      if (isFoundation(shape)) foundations.push(resource);
      // So that what is put into it comes after it, and goes before it.
      if (resource instanceof k8s.core.v1.Namespace) this.namespace = resource.metadata.name;
    }

    this.serviceAccountName = pulumi.output(appName);
    // Not the Namespace's own: where an argument is refused it never comes, and Pulumi would tell that in its place.
    this.registerOutputs({ namespace: later.namespace, serviceAccountName: this.serviceAccountName });
  }
}

/** What the objects of other kinds lie in, or speak of. */
function isFoundation({ kind }: Manifest): boolean {
  return kind === 'CustomResourceDefinition' || kind === 'Namespace';
}

function identity({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.name}`;
}

/** The same whatever the controller's namespace is, so that an object is told apart from another by what it is. */
function resourceName(component: string, { metadata }: Manifest): string {
  const { name, namespace = defaultOptions.namespace } = metadata;
  return namespace === defaultOptions.namespace
    ? `${component}-${name}`
    : `${component}-${namespace}-${name}`;
}
