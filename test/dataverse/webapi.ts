import { createHash } from 'node:crypto';
import { parseFilter } from './filter.ts';
import type { Column } from './options.ts';
import { apiFailure, badRequest, notPlayed, unknownColumn } from './problem.ts';
import { apiRoot, checkOptions, readPage } from './query.ts';
import type { Answer, ApiRequest, JsonRow } from './request.ts';
import type { State } from './state.ts';
import { type Table, tablesOf } from './tables.ts';

export function isWebApiPath(path: string): boolean {
  return path.startsWith('/api/data/');
}

/** A GUID that stands for something of this organization. */
function idOf(what: string): string {
  const hex = createHash('sha256').update(what).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function answered(body: object): Answer {
  return { status: 200, headers: {}, body, violations: [], facts: {} };
}

function missingRight(name: string): Error {
  const words = `Principal user (Id=${idOf('user')}, type=8) is missing prvRead${name} privilege (Id=${idOf(`prvRead${name}`)}) on OTC=10000 for entity '${name}'. context.Caller=${idOf('user')}. Consider adding missed privilege to one of the principal (user/team) roles.`;
  return apiFailure(403, '0x80040220', words);
}

function selected(query: URLSearchParams, row: JsonRow, type: string): JsonRow {
  const names =
    query
      .get('$select')
      ?.split(',')
      .map((name) => name.trim()) ?? Object.keys(row);
  const unknown = names.find((name) => !Object.hasOwn(row, name));
  if (unknown !== undefined) throw unknownColumn(unknown, type);
  return Object.fromEntries([...new Set([...names, 'MetadataId'])].map((name) => [name, row[name]]));
}

function entityRow(table: Table, changeTrackingEnabled: boolean): JsonRow {
  return {
    MetadataId: idOf(table.logicalName),
    LogicalName: table.logicalName,
    SchemaName: table.logicalName,
    LogicalCollectionName: table.entitySetName,
    EntitySetName: table.entitySetName,
    TableType: table.tableType,
    PrimaryIdAttribute: table.key,
    IsCustomEntity: true,
    ChangeTrackingEnabled: changeTrackingEnabled,
  };
}

const attributeColumns: Column[] = [
  { name: 'MetadataId', type: 'Uniqueidentifier' },
  { name: 'LogicalName', type: 'String' },
  { name: 'SchemaName', type: 'String' },
  { name: 'AttributeType', type: 'String' },
  { name: 'IsValidForRead', type: 'Boolean' },
];

function attributes(request: ApiRequest, table: Table, state: State): Answer {
  const { query, base } = request;
  checkOptions(query, ['$select', '$filter']);
  const about = { logicalName: 'AttributeMetadata', columns: attributeColumns };
  const text = query.get('$filter');
  const filter = text === null ? undefined : parseFilter(text, query, about, state.behaviour);
  const rows = table.columns.map(({ name, type }) => ({
    MetadataId: idOf(`${table.logicalName}.${name}`),
    LogicalName: name,
    SchemaName: name,
    AttributeType: type,
    IsValidForRead: true,
  }));
  const value = rows
    .filter((row) => filter?.test({ value: (name) => row[name as keyof typeof row] }) ?? true)
    .map((row) => ({
      '@odata.type': `#Microsoft.Dynamics.CRM.${row.AttributeType}AttributeMetadata`,
      ...selected(query, row, 'AttributeMetadata'),
    }));
  const context = `${base}${apiRoot}/$metadata#EntityDefinitions('${table.logicalName}')/Attributes`;
  return answered({ '@odata.context': context, value });
}

function metadata(request: ApiRequest, rest: string, tables: Table[], state: State): Answer {
  const [, logicalName, tail] = /^EntityDefinitions\(LogicalName='(\w+)'\)(\/Attributes)?$/.exec(rest) ?? [];
  if (logicalName === undefined) throw notPlayed('this query of metadata');
  if (state.behaviour.missingRights.includes('EntityDefinitions')) throw missingRight('Entity');
  const table = tables.find((candidate) => candidate.logicalName === logicalName);
  if (table === undefined) {
    const words = `Could not find an entity with name ${logicalName} and id 00000000-0000-0000-0000-000000000000.`;
    throw apiFailure(404, '0x80040217', words);
  }
  if (tail !== undefined) return attributes(request, table, state);
  checkOptions(request.query, ['$select']);
  const row = entityRow(table, state.behaviour.changeTrackingEnabled);
  return answered({
    '@odata.context': `${request.base}${apiRoot}/$metadata#EntityDefinitions/$entity`,
    ...selected(request.query, row, 'EntityMetadata'),
  });
}

/** What every request should carry; it is answered without. */
function missingHeaders({ headers }: ApiRequest): string[] {
  const wrong: string[] = [];
  if (headers['odata-version'] !== '4.0') wrong.push('the header OData-Version is not 4.0');
  if (!/json|\*\/\*/.test(headers.accept ?? '')) wrong.push('the header Accept does not ask for JSON');
  return wrong;
}

/** Works out the answer to an authenticated request of the Web API; throws a Failure for every other. */
export function planWebApi(request: ApiRequest, clientId: string, state: State): Answer {
  const { behaviour, people, protection } = state;
  if (state.clients.get(clientId)?.applicationUser === false) {
    throw apiFailure(403, '0x80072560', 'The user is not a member of the organization.');
  }
  protection.admit(clientId, behaviour, state.now());
  if (request.method !== 'GET') {
    const violation = 'only GET is asked of Dataverse: writing can break Customer Insights';
    throw apiFailure(405, '0x80060888', 'The sandbox is for readers.', { violation });
  }
  if (!request.path.startsWith(`${apiRoot}/`)) throw notPlayed('other versions of the Web API');
  const answer = planRead(
    request,
    request.path.slice(apiRoot.length + 1),
    state,
    tablesOf(people, behaviour),
  );
  return { ...answer, violations: [...missingHeaders(request), ...answer.violations] };
}

function planRead(request: ApiRequest, rest: string, state: State, tables: Table[]): Answer {
  if (/track-changes/.test(String(request.headers.prefer ?? ''))) throw notPlayed('change tracking');
  if (rest.startsWith('EntityDefinitions')) return metadata(request, rest, tables, state);
  if (rest === 'WhoAmI') {
    return answered({
      '@odata.context': `${request.base}${apiRoot}/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse`,
      BusinessUnitId: idOf('business unit'),
      UserId: idOf('user'),
      OrganizationId: idOf('organization'),
    });
  }
  const [, name = '', more = ''] = /^([^(/]*)(.*)$/.exec(rest) ?? [];
  const table = tables.find((candidate) => candidate.entitySetName === name);
  if (table === undefined) {
    throw apiFailure(404, '0x80060888', `Resource not found for the segment '${name}'.`);
  }
  const { missingRights } = state.behaviour;
  if (missingRights.some((right) => right === table.logicalName)) throw missingRight(table.logicalName);
  if (more !== '') throw notPlayed('anything of a table but its rows');
  return readPage(request, table, state.behaviour);
}

/** 400, as from in front of the Web API, for a URL that is too long. */
export function tooLong(): Error {
  return badRequest('The URL is too long.', 'the URL is longer than Dataverse accepts');
}
