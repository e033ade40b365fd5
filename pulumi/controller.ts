import * as pulumi from '@pulumi/pulumi';
import { contract } from '../deploy/contents.ts';
import { manifests } from '../deploy/manifests.ts';
import { appName, defaultOptions, type InstallOptions, type Manifest } from '../deploy/options.ts';
import type { CriteoExportControllerArgs } from './controllerargs.ts';
import { laterOptions, plainOptions } from './installoptions.ts';
import { registerObject } from './kinds.ts';
import { afterCheck } from './partly.ts';

/** Stands for the image where it is not known yet. */
const someImage = 'an-image-that-is-not-known-yet';

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
    const build = (options: Omit<InstallOptions, keyof typeof plain>): Manifest[] =>
      built(name, { ...options, ...plain });
    const shapes = build({ ...defaultOptions, image: someImage });
    const withoutImage = eachOf(
      later.apply((options) => ({ ...options, image: someImage })),
      build,
    );
    const withImage = eachOf(
      pulumi
        .all([later, args.image, withoutImage.checked])
        .apply(([options, image]) => ({ ...options, image: given(name, image) })),
      build,
    );

    const definitions = new Set(plain.installDefinitions ? contract().map(identity) : []);
    const foundations: pulumi.Resource[] = [];
    const before: pulumi.Resource[] = [];
    shapes.forEach((shape, index) => {
      const isDefinition = definitions.has(identity(shape));
      // Where the image is not known before the update, a preview still tells of all that does not name it.
      const objects = JSON.stringify(shape).includes(someImage) ? withImage : withoutImage;
      const options = {
        parent: this,
        // The Deployment comes after the controller's rights and what it is held to, and goes before them.
        dependsOn: shape.kind === 'Deployment' ? [...before] : [...foundations],
        retainOnDelete: isDefinition && !args.deleteCustomResourceDefinitions,
      };
      const resource = registerObject(
        resourceName(name, shape),
        shape,
        // A CRD depends on no option, and is large: as an output it would be copied again and again.
        isDefinition ? shape : fieldsOf(shape, objects.at(index)),
        afterCheck(options, objects.checked),
      );
      before.push(resource);
      if (isFoundation(shape)) foundations.push(resource);
    });

    this.namespace = later.namespace;
    this.serviceAccountName = pulumi.output(appName);
    this.registerOutputs({ namespace: this.namespace, serviceAccountName: this.serviceAccountName });
  }
}

function built(name: string, options: InstallOptions): Manifest[] {
  try {
    return manifests(options);
  } catch (error) {
    const message = (error as Error).message;
    throw new pulumi.RunError(
      `CriteoExportController "${name}": the controller would refuse its flags: ${message} Look at allowedBaseUrls and extraFlags.`,
    );
  }
}

/** A program's configuration may hold nothing, whatever its type says. */
function given(name: string, image: string | undefined): string {
  if (image) return image;
  throw new pulumi.RunError(
    `CriteoExportController "${name}": image is missing; name the controller's image, by digest where there is one, such as registry.example/criteo-segment-export@sha256:...`,
  );
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

/** Objects of which it is only known later what they hold. */
interface Later {
  /** Fails where they cannot be built. */
  checked: pulumi.Output<unknown>;
  at(index: number): pulumi.Output<Manifest | undefined>;
}

/** Each is an output of its own: one of them all would be copied, CRDs and all, for every field that is taken of it. */
function eachOf<Options>(options: pulumi.Output<Options>, build: (options: Options) => Manifest[]): Later {
  let objects: Manifest[] = [];
  const checked = options.apply((known) => {
    objects = build(known as Options);
  });
  return { checked, at: (index) => checked.apply(() => objects[index]) };
}

/** The object's fields as the update will know them; which there are is known already. */
function fieldsOf(
  shape: Manifest,
  object: pulumi.Output<Manifest | undefined>,
): Record<string, pulumi.Output<unknown>> {
  const names = Object.keys(shape).filter((field) => field !== 'apiVersion' && field !== 'kind');
  return Object.fromEntries(names.map((field) => [field, object.apply((known) => known?.[field])]));
}
