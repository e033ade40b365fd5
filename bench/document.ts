import type { ExportRun } from '../api/rundocument.ts';
import { advertiserId } from './sandbox.ts';

/** What the measured runs are told, but for what each of them is about. */
export function benchDocument(change: Pick<ExportRun, 'source'> & Partial<ExportRun>): ExportRun {
  return {
    formatVersion: 1,
    kind: 'Export',
    connection: { namespace: 'bench', name: 'bench', uid: 'c0000000-0000-4000-8000-000000000001' },
    api: { baseUrl: 'https://api.criteo.com', version: '2026-07' },
    export: { namespace: 'bench', name: 'bench', uid: 'e0000000-0000-4000-8000-000000000001' },
    generation: 1,
    advertiserId,
    maxProfiles: 1_000_000,
    mode: 'AddOnly',
    rowFaultGuard: { maxPercent: 50 },
    removalGuard: { maxPercent: 30 },
    deletionPolicy: 'Retain',
    match: { email: { field: 'email', fallbackFields: [] } },
    segments: [{ name: 'people', criteoName: 'People', existing: 'Refuse' }],
    ...change,
  };
}
