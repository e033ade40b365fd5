import { kubectl } from '../../cluster/kubectl.ts';
import { waitFor } from '../../cluster/wait.ts';
import type { SandboxOptions } from '../../sandbox/sandbox.ts';
import { storeUnderAnotherCrd } from '../../support/anothercrd.ts';
import { ControllerProcess } from '../../support/controllerprocess.ts';
import type { Window } from '../../support/states/sight.ts';
import type { Shop } from '../controller/shop.ts';
import { startWorld, type World } from '../controller/world.ts';

/** One API server and one controller, with a shop for each row of docs/states.md. */
export interface Ground extends AsyncDisposable {
  shops: ReadonlyMap<string, Shop>;
  /** The controller looks at all shops from here on. */
  start(): Promise<void>;
  /** No controller any more. */
  stop(): Promise<void>;
  window: Window;
}

/**
 * @param wanted the shops, and how Criteo behaves in each.
 * @param unreadable the shop that gets an export which the CRD of today does not take.
 */
export async function openGround(
  wanted: ReadonlyMap<string, SandboxOptions | undefined>,
  unreadable: string,
): Promise<Ground> {
  const world = await startWorld();
  let controller: ControllerProcess | undefined;
  const stop = async (): Promise<void> => {
    await controller?.kill();
    controller = undefined;
  };
  const dispose = async (): Promise<void> => {
    await stop();
    await world[Symbol.asyncDispose]();
  };
  try {
    const opened = [...wanted].map(async ([name, options]) => [name, await world.shop(options)] as const);
    const shops = new Map(await Promise.all(opened));
    const shop = shops.get(unreadable);
    if (shop) await storeUnreadable(world, shop);
    return {
      shops,
      stop,
      start: async () => {
        controller = await startController(world, [...shops.values()]);
      },
      window: windowOf(world, () => controller),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function startController(world: World, shops: readonly Shop[]): Promise<ControllerProcess> {
  const controller = new ControllerProcess({
    program: world.controllerProgram,
    kubeconfig: world.controllerKubeconfig,
    flags: ['--leader-elect=false', ...shops.flatMap(({ sandbox }) => ['--allowed-base-url', sandbox.url])],
    environment: world.nodeEnvironment,
  });
  await controller.leads();
  return controller;
}

async function storeUnreadable(world: World, shop: Shop): Promise<void> {
  const path = shop.path('CriteoSegmentExport');
  const stored = { path, object: shop.segmentExport({ mode: 'Replace' }) };
  await storeUnderAnotherCrd(world, [stored], stored);
}

function windowOf(world: World, controller: () => ControllerProcess | undefined): Window {
  return {
    read: async (path) => {
      const { status, body } = await world.api.call(path);
      if (status !== 200 && status !== 404) throw new Error(`get of ${path}: ${status} ${body.message}`);
      return status === 404 ? undefined : body;
    },
    kubectl: (args) => kubectl(world.controlPlane.kubeconfigPath, args),
    metrics: async () => {
      const running = controller();
      if (!running) return undefined;
      const port = await waitFor('the port of /metrics', 60_000, () => portOf(running.output));
      return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    },
  };
}

function portOf(output: string): string | undefined {
  const line = output.split('\n').find((text) => text.includes('serving /healthz'));
  return line && String((JSON.parse(line) as { port: number }).port);
}
