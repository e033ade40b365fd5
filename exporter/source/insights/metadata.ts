import type { RunReason } from '../../../api/reasons.ts';
import type { ReportDetails } from '../../../api/report.ts';
import { Fault } from '../../fault.ts';
import { Cells } from './cells.ts';
import { parse, type Rows, readPage } from './page.ts';
import { Refused, type WebApi } from './webapi.ts';

/** A table as the environment's metadata describe it. */
export interface Table {
  entitySet: string;
  /** Its rows lie elsewhere, and its queries may end early: see rowlimit.ts. */
  isVirtual: boolean;
  /** Types by logical name, of columns that can be read. */
  columns: ReadonlyMap<string, string>;
}

/**
 * Looks a table up. Names of tables in URLs come from here, not from a rule.
 * @param what names it as `code` of a fault. @throws Fault SourceNotFound; SourceForbidden (code `metadata`, or
 * `application-user`); and those of WebApi.get.
 */
export async function describeTable(
  api: WebApi,
  logicalName: string,
  what: string,
  signal: AbortSignal,
): Promise<Table> {
  const definition = `${api.root}EntityDefinitions(LogicalName='${logicalName}')`;
  try {
    const entity = await api.get(
      `${definition}?$select=LogicalName,EntitySetName,TableType`,
      readEntity,
      signal,
    );
    const attributes = `${definition}/Attributes?$select=${attributeCells.join(',')}`;
    const { rows } = await api.get(attributes, readPage, signal);
    return { ...entity, columns: columnsOf(rows) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw error.toFault(error.status === 403 ? 'metadata' : what);
  }
}

function readEntity(bytes: Buffer): Omit<Table, 'columns'> | undefined {
  const { EntitySetName: entitySet, TableType: type } = parse(bytes.toString('utf8')) ?? {};
  if (typeof entitySet !== 'string' || !/^\w+$/.test(entitySet)) return undefined;
  return { entitySet, isVirtual: type !== 'Elastic' && type !== 'Standard' };
}

const attributeCells = ['LogicalName', 'AttributeType', 'IsValidForRead'];

function columnsOf(attributes: Rows): Map<string, string> {
  const cells = new Cells(attributeCells);
  const columns = new Map<string, string>();
  for (let index = 0; index < attributes.length; index++) {
    const [name, type, isReadable] = attributes.read(index, cells);
    if (typeof name === 'string' && isReadable !== false) columns.set(name, String(type));
  }
  return columns;
}

const texts = ['String', 'Memo'];
const numbers = ['Integer', 'BigInt', 'Decimal', 'Double', 'Money'];
const choices = ['Boolean', 'Picklist', 'State', 'Status'];
const lookups = ['Lookup', 'Customer', 'Owner'];

/** What a column must hold to serve: an address, an id, or anything that has one value. */
export type Purpose = 'Address' | 'Id' | 'Value';

const fitting: Readonly<Record<Purpose, readonly string[]>> = {
  Address: texts,
  Id: [...texts, ...numbers, ...lookups, 'Uniqueidentifier'],
  Value: [...texts, ...numbers, ...choices, ...lookups, 'Uniqueidentifier', 'DateTime', 'EntityName'],
};

/**
 * The name by which a query asks for a column: a lookup has another there than in the metadata.
 * @throws Fault of the reason `missing`; FieldNotText.
 */
export function propertyOf(
  table: Table,
  column: string,
  purpose: Purpose,
  missing: RunReason,
  details?: ReportDetails,
): string {
  const name = column.trim();
  const type = table.columns.get(name);
  // What cannot stand in a URL as it is, is no column's name either.
  if (type === undefined || !/^\w+$/.test(name)) throw new Fault(missing, details);
  if (!fitting[purpose].includes(type)) throw new Fault('FieldNotText', details);
  return lookups.includes(type) ? `_${name}_value` : name;
}
