import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repositoryDirectory } from '../../cluster/paths.ts';
import { waitFor } from '../../cluster/wait.ts';
import { exportName, goodCredentials, isCurrent, type Shop } from '../controller/shop.ts';
import { startWorld, type World } from '../controller/world.ts';
import { exampleManifests } from '../manifests/allmanifests.ts';

/** What a pipeline compares: a manifest and the object that the controller has worked with. */

interface Live {
  kind: string;
  metadata: {
    name: string;
    generation: number;
    managedFields: { manager: string; fieldsV1: Record<string, object> }[];
  };
  spec: object;
  status?: { observedGeneration?: number };
}

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const ours = exampleManifests().filter(({ object }) => object.kind.startsWith('Criteo'));
const applied = exampleManifests().filter(
  (written) => ours.some(({ from }) => from === written.from) || written.from === 'examples/claim.yaml',
);

/** A shop with what the examples need, and their documents: the sandbox in Criteo's place, and one with a finalizer. */
async function openShop(): Promise<{ shop: Shop; documents: string }> {
  const shop = await world.shop();
  await shop.startController();
  await shop.putSecret(goodCredentials);
  const claim = join(world.directory, 'claims', shop.namespace, 'people');
  await mkdir(claim, { recursive: true });
  await cp(join(repositoryDirectory, 'examples/data/people.csv.gz'), join(claim, 'people.csv.gz'));
  const documents = applied.map(({ object }) => {
    const { kind, spec } = object as unknown as Live;
    const changed = kind === 'CriteoConnection' ? { api: { baseUrl: shop.sandbox.url } } : {};
    const retired = object.metadata.name === exportName ? { deletionPolicy: 'Empty' } : {};
    return JSON.stringify({ ...object, spec: { ...spec, ...changed, ...retired } });
  });
  return { shop, documents: documents.join('\n---\n') };
}

async function live(shop: Shop): Promise<Live[]> {
  const text = await shop.kubectl(['get', 'criteo', '--output=json', '--show-managed-fields']);
  return (JSON.parse(text) as { items: Live[] }).items;
}

describe.concurrent.each([
  ['kubectl apply', []],
  ['kubectl apply --server-side, as Flux and Argo CD do it', ['--server-side']],
])('%s', (_, flags) => {
  test('after the controller has worked the examples are as they were applied', async () => {
    const { shop, documents } = await openShop();
    await shop.kubectl(['apply', ...flags, '-f', '-'], documents);
    await waitFor('the controller has seen all', 60_000, async () => {
      const items = await live(shop);
      return items.length === ours.length && items.every(isCurrent) ? true : undefined;
    });
    await shop.ready();
    const { status } = await shop.runOnce(exportName);
    expect(status?.lastRun?.outcome).toBe('Succeeded');
    expect((await shop.getExport()).metadata.finalizers).toEqual(['segmentexport.io/retire']);

    // It fails where there is a difference.
    expect(await shop.kubectl(['diff', ...flags, '-f', '-'], documents)).toBe('');
    await shop.kubectl(['apply', ...flags, '-f', '-'], documents);
    const objects = await live(shop);
    expect(objects.map(({ metadata }) => metadata.generation)).toEqual(ours.map(() => 1));

    const owned = objects.flatMap(({ metadata }) => metadata.managedFields.filter(isController));
    const fields = owned.flatMap(({ fieldsV1 }) => Object.keys(fieldsV1));
    expect(new Set(fields)).toEqual(new Set(['f:metadata', 'f:status']));
    const ofMetadata = owned.flatMap(({ fieldsV1 }) => Object.keys(fieldsV1['f:metadata'] ?? {}));
    expect(new Set(ofMetadata)).toEqual(new Set(['f:finalizers']));
  });
});

function isController({ manager }: { manager: string }): boolean {
  return manager === 'criteo-segment-export';
}
