import { group } from '../../../api/names.ts';
import { kubectl } from '../../cluster/kubectl.ts';
import { waitFor } from '../../cluster/wait.ts';
import { contraryOrder, contraryRemovalOrder } from './order.ts';
import {
  type CollectedObject,
  type KubernetesObject,
  objectsOf,
  type Registration,
} from './registrations.ts';

/** As the provider's configuration has them: kubernetes:upsertExistingObjects and kubernetes:enablePatchForce. */
export interface ProviderConfiguration {
  /** Whether an object that is there already is taken over, and not an error. */
  upsertExistingObjects?: boolean;
  /** Whether fields that another manager has set are taken over, and not an error. */
  enablePatchForce?: boolean;
}

/**
 * What was collected from programs, done to a real cluster in an order that Pulumi could choose, with the waits of its
 * Kubernetes provider. It is not the provider. There a creation is a POST, by a manager `pulumi-kubernetes-` with a suffix;
 * an update takes over the fields of kubectl's managers, and is then an apply, or of a CRD a PUT. Here each is an apply: a
 * field that kubectl changed in an object of the stack is a conflict here, and is changed back there.
 */
export class AppliedProgram {
  readonly #kubeconfigPath: string;
  readonly #registrations: readonly Registration[];
  readonly #awaited: Readonly<Record<string, string>>;
  readonly #pods: boolean;
  #created = false;

  /** @param pods Whether the cluster has a node, so that pods run. */
  constructor(kubeconfigPath: string, registrations: readonly Registration[], pods = false) {
    this.#kubeconfigPath = kubeconfigPath;
    this.#registrations = registrations;
    this.#awaited = pods ? { ...awaited, Job: 'Complete' } : awaited;
    this.#pods = pods;
  }

  get objects(): CollectedObject[] {
    return objectsOf(this.#registrations);
  }

  /** The one object of a kind. */
  one(kind: string): KubernetesObject {
    const [object, ...others] = this.objects.filter(({ inputs }) => inputs.kind === kind);
    if (object === undefined || others.length > 0) throw new Error(`${kind}: not exactly one`);
    return object.inputs;
  }

  /**
   * Applies every object on the server's side, in an order as far from the program's own as its dependencies allow,
   * and waits for each as the provider does.
   *
   * @throws Error at the first time where an object is there already, as the provider's create does
   */
  async up({ upsertExistingObjects, enablePatchForce }: ProviderConfiguration = {}): Promise<void> {
    if (!this.#created && !upsertExistingObjects) await this.#assertNoneIsThere();
    this.#created = true;
    for (const { inputs } of objectsOf(contraryOrder(this.#registrations))) {
      await this.#kubectl(
        [
          'apply',
          '--server-side',
          '--field-manager=pulumi-kubernetes',
          ...force(inputs, enablePatchForce ?? false),
          '-f',
          '-',
        ],
        JSON.stringify(inputs),
      );
      const condition = this.#awaited[inputs.kind];
      if (condition) await this.#untilCondition(inputs, condition);
      if (inputs.kind === 'Deployment' && this.#pods) await this.#untilRolledOut(inputs);
    }
  }

  // Kinds of ours may not be known yet, and kubectl would not ask for the others then.
  async #assertNoneIsThere(): Promise<void> {
    const items = this.objects
      .map(({ inputs }) => inputs)
      .filter(({ apiVersion }) => !apiVersion.startsWith(`${group}/`));
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    const there = await this.#kubectl(['get', '-f', '-', '--ignore-not-found', '--output=name'], list);
    if (there !== '') throw new Error(`already exists: ${there.trim().split('\n').join(', ')}`);
  }

  // kubectl wait fails where an object has no conditions yet, as a new CRD.
  async #untilCondition(object: KubernetesObject, condition: string): Promise<void> {
    const path = `{.status.conditions[?(@.type=="${condition}")].status}`;
    await waitFor(`${object.kind} ${object.metadata.name}: ${condition}`, 180_000, async () => {
      const status = await this.#kubectl(['get', ...nameOf(object), `--output=jsonpath=${path}`]);
      return status === 'True' ? true : undefined;
    });
  }

  // No condition says that the last pod of the old kind is gone.
  async #untilRolledOut({ metadata: { name, namespace = '' } }: KubernetesObject): Promise<void> {
    const timeout = '--timeout=180s';
    await this.#kubectl(['rollout', 'status', `deployment/${name}`, '--namespace', namespace, timeout]);
  }

  /** Deletes what `pulumi destroy` deletes, and waits until each is gone. */
  async destroy(): Promise<void> {
    for (const { inputs, retainOnDelete } of objectsOf(contraryRemovalOrder(this.#registrations))) {
      if (retainOnDelete) continue;
      await this.#kubectl([
        ...['delete', ...nameOf(inputs)],
        ...['--cascade=foreground', '--ignore-not-found', '--timeout=100s'],
      ]);
    }
  }

  /** The objects as they are now, by the URN of their resources. */
  async refresh(): Promise<Map<string, KubernetesObject>> {
    const entries = this.objects.map(async ({ urn, inputs }) => {
      const printed = await this.#kubectl(['get', ...nameOf(inputs), '--output=json']);
      return [urn, JSON.parse(printed) as KubernetesObject] as const;
    });
    return new Map(await Promise.all(entries));
  }

  #kubectl(args: readonly string[], input?: string): Promise<string> {
    return kubectl(this.#kubeconfigPath, args, input);
  }
}

// The conditions that the provider waits for, by kind.
const awaited = { CustomResourceDefinition: 'Established' };

/** Conflicts with another field manager are an error, unless the object or the provider's configuration says otherwise. */
function force({ metadata }: KubernetesObject, enablePatchForce: boolean): string[] {
  const annotation = metadata.annotations?.['pulumi.com/patchForce'];
  return (annotation ?? String(enablePatchForce)) === 'true' ? ['--force-conflicts'] : [];
}

/** As kubectl's arguments. */
function nameOf({ apiVersion, kind, metadata }: KubernetesObject): string[] {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : [undefined, apiVersion];
  const resource = group === undefined ? kind : `${kind}.${version}.${group}`;
  const namespace = metadata.namespace === undefined ? [] : ['--namespace', metadata.namespace];
  return [`${resource}/${metadata.name}`, ...namespace];
}
