import { Fault } from '../../fault.ts';
import { Cells } from './cells.ts';
import { later } from './memberships.ts';
import { describeTable } from './metadata.ts';
import { pages } from './pages.ts';
import { Refused, type WebApi } from './webapi.ts';

const segmentTable = 'mscipriv_segmentmetadata';
const what = 'segment-metadata';
const columns = {
  name: 'msdyn_name',
  isDeleted: 'msdyn_isdeleted',
  isHistory: 'msdyn_ishistoryentry',
  modified: 'modifiedon',
} as const;

/** When each segment was last written, where its row tells; milliseconds since the epoch. By name. */
export type KnownSegments = ReadonlyMap<string, number | undefined>;

/**
 * The segments that Customer Insights lists and has not deleted.
 * @throws Fault SourceNotFound, SourceForbidden (code `segment-metadata`); and those of WebApi.get.
 */
export async function readKnownSegments(api: WebApi, signal: AbortSignal): Promise<KnownSegments> {
  const table = await describeTable(api, segmentTable, what, signal);
  if (!table.columns.has(columns.name)) throw new Fault('SourceNotFound', { code: what });
  const select = Object.values(columns).filter((column) => table.columns.has(column));
  const cells = new Cells(Object.values(columns));
  const known = new Map<string, number | undefined>();
  try {
    for await (const { rows } of pages(api, { entitySet: table.entitySet, select, what }, signal)) {
      for (let index = 0; index < rows.length; index++) {
        const [name, isDeleted, isHistory, modified] = rows.read(index, cells);
        if (typeof name !== 'string' || isDeleted === true || isHistory === true) continue;
        known.set(name, later(known.get(name), modified));
      }
    }
  } catch (error) {
    throw error instanceof Refused ? error.toFault(what) : error;
  }
  return known;
}
