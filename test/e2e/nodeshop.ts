import { waitFor } from '../cluster/wait.ts';
import { Shop } from '../integration/controller/shop.ts';
import type { World } from '../integration/controller/world.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { ApiServer } from '../support/apiserver.ts';
import type { Ground } from '../support/stack.ts';
import { fillClaim, runWithClaim } from '../support/volume.ts';
import type { KubectlProxy } from './kubectlproxy.ts';

/** A shop of the integration tests whose pods run on a real node, and whose controller is the one that is installed. */
export class NodeShop extends Shop {
  readonly #ground: Ground;

  private constructor(world: World, ground: Ground, namespace: string, sandbox: Sandbox) {
    super(world, namespace, sandbox);
    this.#ground = ground;
  }

  static async openOnNode(
    ground: Ground,
    proxy: KubectlProxy,
    { namespace, sandbox }: { namespace: string; sandbox: Sandbox },
  ): Promise<NodeShop> {
    const controlPlane = { kubeconfigPath: ground.cluster.kubeconfigPath, server: proxy.server };
    const kubelet = { runs: () => [] };
    // What a shop of stories asks of a world; the rest starts programs, which the node does here.
    const world = { controlPlane, kubelet, api: new ApiServer(controlPlane as World['controlPlane']) };
    const shop = new NodeShop(world as unknown as World, ground, namespace, sandbox);
    await shop.create('/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
    await waitFor(`the service account of ${namespace}`, 60_000, async () =>
      (await world.api.call(`/api/v1/namespaces/${namespace}/serviceaccounts/default`)).status === 200
        ? true
        : undefined,
    );
    return shop;
  }

  override async putClaim(): Promise<void> {
    await this.apply({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } },
    });
  }

  override async putFiles(files: Readonly<Record<string, string>>): Promise<void> {
    const bytes = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)]));
    await fillClaim(this.#ground, this.namespace, 'data', bytes);
  }

  override async dateFiles(paths: readonly string[], writtenAt: Date): Promise<void> {
    const seconds = writtenAt.getTime() / 1000;
    const script = `for (const path of ${JSON.stringify(paths)}) require('node:fs').utimesSync('/to/' + path, ${seconds}, ${seconds});`;
    await runWithClaim(this.#ground, this.namespace, 'data', script);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.world.api[Symbol.asyncDispose]();
  }
}
