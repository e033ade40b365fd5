import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Client, JsonObject } from './client.ts';
import { type Acknowledged, amendment, changeIdentifiers } from './contactlist.ts';
import { Refusal } from './refusal.ts';

const digests = (count: number): Uint8Array =>
  Buffer.concat(Array.from({ length: count }, (_, index) => hash('sha256', `${index}`, 'buffer')));

/** A client that answers each batch by its number of identifiers. */
function clientOf(answer: (count: number) => JsonObject | Error) {
  const sizes: number[] = [];
  const client = {
    callStrictly: async ({ body }: { body: Buffer }) => {
      const { identifiers } = JSON.parse(body.toString()).data.attributes;
      sizes.push(identifiers.length);
      const reply = answer(identifiers.length);
      if (reply instanceof Error) throw reply;
      return reply;
    },
  };
  return { client: client as unknown as Client, sizes };
}

async function all(client: Client, count: number): Promise<Acknowledged[]> {
  return await Array.fromAsync(changeIdentifiers(client, '7', 'add', digests(count)));
}

test('the body is the documented one, with digests in lower-case hexadecimal', () => {
  expect(JSON.parse(amendment('remove', digests(2)).toString())).toEqual({
    data: {
      type: 'ContactlistAmendment',
      attributes: {
        operation: 'remove',
        identifierType: 'email',
        identifiers: [hash('sha256', '0'), hash('sha256', '1')],
      },
    },
  });
});

test('each batch is acknowledged with Criteo\u2019s own counts', async () => {
  const { client, sizes } = clientOf((count) => ({
    data: { attributes: { nbValidIdentifiers: count - 1, nbInvalidIdentifiers: 1 } },
  }));
  expect(await all(client, 100_001)).toEqual([
    { sent: 50_000, valid: 49_999, invalid: 1 },
    { sent: 50_000, valid: 49_999, invalid: 1 },
    { sent: 1, valid: 0, invalid: 1 },
  ]);
  expect(sizes).toEqual([50_000, 50_000, 1]);
});

test('counts that Criteo leaves out are those of a batch without faults', async () => {
  const { client } = clientOf(() => ({ data: { attributes: { nbValidIdentifiers: null } } }));
  expect(await all(client, 3)).toEqual([{ sent: 3, valid: 3, invalid: 0 }]);
});

test('a body that is too large is halved, and everything is sent', async () => {
  const { client, sizes } = clientOf((count) =>
    count > 3000 ? new Refusal(413, []) : { data: { attributes: {} } },
  );
  const sent = (await all(client, 9000)).reduce((sum, batch) => sum + batch.sent, 0);
  expect(sent).toBe(9000);
  expect(sizes.filter((size) => size > 3000).length).toBeLessThan(6);
});

test('where even a small body is too large, that is the answer', async () => {
  const { client } = clientOf(() => new Refusal(413, []));
  await expect(all(client, 9000)).rejects.toMatchObject({ status: 413 });
});

test('a reply without attributes acknowledges nothing', async () => {
  const { client } = clientOf(() => ({ data: {} }));
  await expect(all(client, 3)).rejects.toMatchObject({ reason: 'CriteoReplyInvalid' });
});
