import { afterAll, beforeAll, expect, test } from 'vitest';
import expected from '../../examples/data/expected.json' with { type: 'json' };
import { serveAzureBlob } from '../demo/sources/azureblob.ts';
import { serveCustomerInsights } from '../demo/sources/customerinsights.ts';
import { servePostgresql } from '../demo/sources/postgresql.ts';
import { serveS3 } from '../demo/sources/s3.ts';
import { allowances, type Serving } from '../demo/sources/served.ts';
import { prepareGround } from '../support/stack.ts';
import { connection, openShop, type Shop, secret, segmentExport } from './shop.ts';

const kinds = {
  s3: serveS3,
  azureBlob: serveAzureBlob,
  postgresql: servePostgresql,
  customerInsights: serveCustomerInsights,
};

let shop: Shop;
let servers: Record<string, Serving> = {};

beforeAll(async () => {
  const { hostAddress } = await prepareGround(() => {});
  for (const [kind, serve] of Object.entries(kinds))
    servers = { ...servers, [kind]: await serve(hostAddress) };
  shop = await openShop('e2e-sources', {}, Object.values(servers).flatMap(allowances));
  await shop.apply(secret());
  await shop.apply(await connection(shop));
});
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]();
  for (const server of Object.values(servers)) await server.stop();
});

test.each(Object.keys(kinds))('a pod reads the segments from %s, exactly', async (kind) => {
  const { spec, secrets } = servers[kind] as Serving;
  for (const [name, stringData] of Object.entries(secrets)) {
    await shop.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData });
  }
  const listed = (spec.segments ?? [{ name: 'high-value' }, { name: 'lapsed' }]) as { name: string }[];
  const segments = listed.map(({ name }) => ({ name, criteoName: `${name} of ${kind}` }));
  await shop.apply(segmentExport({ ...spec, segments }));
  const { lastRun } = await shop.finished(await shop.request());
  expect(lastRun).toMatchObject({ outcome: 'Succeeded', profiles: { malformed: 0, invalid: 419 } });
  const received = shop.sandbox.segments().filter(({ name }) => name.endsWith(` of ${kind}`));
  expect(received.map(({ digest }) => digest).sort()).toEqual(expected.map(({ digest }) => digest).sort());
});
