import type { Shop } from '../controller/shop.ts';

/** Rows of docs/states.md, "Refused when it is applied". */
export const refusals: Record<string, (shop: Shop) => object> = {
  'an export whose time zone does not exist': (shop) =>
    shop.segmentExport({ schedule: { cron: '0 4 * * *', timeZone: 'Europe/Osl' } }),
  'an export whose cron expression is none': (shop) => shop.segmentExport({ schedule: { cron: '0 4 * *' } }),
  'an export with a field that does not exist': (shop) => shop.segmentExport({ segmets: [] }),
  'a connection without an agreement': (shop) => shop.connection({ dataPrivacy: { agreed: true } }),
};
