import { afterAll, beforeAll, expect, test } from 'vitest';
import { runWithClaim } from '../support/volume.ts';
import { connection, digestOf, openShop, type Shop, secret, segmentExport } from './shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop('e2e-million');
});
afterAll(() => shop?.[Symbol.asyncDispose]());

const count = 1_000_000;
const changed = count / 100;

/** Twelve columns, some quoted, as such lists have them; made in the pod, because no ConfigMap holds 140 MB. */
const listScript = (from: number): string => `
const { createWriteStream } = require('node:fs');
const { once } = require('node:events');
(async () => {
  const file = createWriteStream('/to/people.csv');
  file.write('id,given_name,family_name,address_line,postal_code,city,country,phone,born_on,last_purchase,email,segment\\n');
  for (let block = ${from}; block < ${from + count}; block += 10000) {
    let text = '';
    for (let i = block; i < block + 10000; i++) {
      text += i + ',Åse,"Lund, Jr.","Storgata ' + i + '",0155,Oslo,NO,+4722000000,1980-01-02,2026-11-01,Person.' + i + '@Example.com,buyers\\n';
    }
    if (!file.write(text)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
})();`;

function people(from: number): string[] {
  return Array.from({ length: count }, (_, index) => `person.${from + index}@example.com`);
}

test('a million profiles against a ledger of a million, in a pod of 256 MiB: only the changed one in a hundred is sent', async () => {
  await shop.apply(secret());
  const base = (await connection(shop)) as { spec: object };
  await shop.apply({ ...base, spec: { ...base.spec, ledger: { volume: { size: '1Gi' } } } });
  await shop.apply(segmentExport({ job: { resources: { limits: { memory: '256Mi' } } } }));

  await runWithClaim(shop.ground, shop.namespace, 'people', listScript(0));
  const first = await shop.finished(await shop.request());
  expect(first.lastRun).toMatchObject({ outcome: 'Succeeded', profiles: { uploaded: count, held: count } });
  expect(shop.sandbox.segments()[0]?.digest).toBe(digestOf(people(0)));

  await runWithClaim(shop.ground, shop.namespace, 'people', listScript(changed));
  shop.sandbox.clearRequests();
  const second = await shop.finished(await shop.request());
  expect(second.lastRun).toMatchObject({
    outcome: 'Succeeded',
    profiles: { uploaded: changed, removed: changed, held: count },
  });
  const sent = shop.sandbox.requests().flatMap(({ counts }) => counts?.identifiers ?? []);
  expect(sent.reduce((sum, each) => sum + each, 0)).toBe(2 * changed);
  expect(shop.sandbox.segments()[0]?.digest).toBe(digestOf(people(changed)));
});
