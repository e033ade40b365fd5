import { connectionName, digestOf, exportName, people, type Shop, withLedger } from '../controller/shop.ts';
import { ranOnce } from './story.ts';

/** Rows of docs/states.md, "When it is deleted". */
export interface Deletion {
  spec: object;
  before?: (shop: Shop) => Promise<unknown>;
}

export const deletions: Record<string, Deletion> = {
  'with Retain, and no run at work': { spec: { deletionPolicy: 'Retain' } },
  'with Empty': { spec: { deletionPolicy: 'Empty' } },
  'with Delete': { spec: { deletionPolicy: 'Delete' } },
  'with Empty, and its connection was deleted first': {
    spec: { deletionPolicy: 'Empty' },
    before: async (shop) => {
      await shop.delete('CriteoConnection', connectionName);
      await shop.untilEvent('ConnectionNotFound', exportName);
    },
  },
};

/** Criteo has one segment of the export. */
export async function beforeDeletion(shop: Shop, { spec, before }: Deletion): Promise<void> {
  await ranOnce(shop, { connection: withLedger, export: spec });
  await before?.(shop);
}

export async function deleteExport(shop: Shop): Promise<void> {
  await shop.delete('CriteoSegmentExport', exportName);
  await shop.untilGone('CriteoSegmentExport', exportName);
}

/** What Criteo is left with. */
export function leftAtCriteo(shop: Shop): string {
  const [segment] = shop.sandbox.segments();
  if (!segment) return 'nothing';
  const contents = new Map([
    [digestOf([]), 'the segment, empty'],
    [digestOf(people), 'the segment, as it was'],
  ]);
  return contents.get(segment.digest) ?? 'the segment, with others';
}
