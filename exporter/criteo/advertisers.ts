import { Fault } from '../fault.ts';
import type { Client } from './client.ts';
import { isRecord } from './problems.ts';

/** Ids of the advertisers that the account may use: those whose consent it has. */
export async function listAdvertisers(client: Client): Promise<string[]> {
  const { data } = await client.callStrictly({ method: 'GET', path: '/advertisers/me' });
  if (!Array.isArray(data)) throw new Fault('CriteoReplyInvalid', { status: 200 });
  const ids = data.map((item: unknown) => (isRecord(item) ? item.id : undefined));
  return ids.filter((id) => typeof id === 'string').filter((id) => /^[0-9]{1,19}$/.test(id));
}

/** @throws Fault AdvertiserNotAllowed where the account may not use it. */
export function allowAdvertiser(ids: readonly string[], advertiserId: string | undefined): void {
  if (advertiserId !== undefined && !ids.includes(advertiserId)) throw new Fault('AdvertiserNotAllowed');
}
