import { createHash } from 'node:crypto';
import { type Filter, parseFilter } from './filter.ts';
import type { Behaviour } from './options.ts';
import type { Restriction, Value } from './people.ts';
import { apiFailure, badRequest, notPlayed, unknownColumn } from './problem.ts';
import type { Answer, ApiRequest, JsonRow, Page } from './request.ts';
import { propertyName, type Row, type Table } from './tables.ts';

export const apiRoot = '/api/data/v9.2';

const played = ['$select', '$filter', '$orderby', '$top', '$count', '$skiptoken'];
const notPlayedHere = ['$expand', '$apply', 'fetchXml', 'savedQuery', 'userQuery'];

type Order = { name: string; sign: 1 | -1 }[];

type Query = {
  select: string[];
  filter: Filter | undefined;
  order: Order | undefined;
  top: number | undefined;
  count: boolean;
};

/** Where a scan goes on: what a page's link holds. */
type Cookie = {
  /** The position of the next row, or how many rows of an ordered scan came before it. */
  from: string;
  /** The number of the page. */
  page: number;
  /** Rows of the pages before it. */
  served: number;
  /** The page size of the request that began the scan; 0 where it named none. */
  size: number;
  /** A digest of the query, as a link is for the query that it came from. */
  query: string;
};

/** Refuses query options that are misspelt, given twice, or not played. */
export function checkOptions(query: URLSearchParams, known: string[]): void {
  const names = [...query.keys()];
  const [other] = names.filter((name) => notPlayedHere.includes(name));
  if (other !== undefined) throw notPlayed(other);
  if (names.includes('$skip')) {
    throw badRequest('Skip Clause is not supported in CRM', '$skip is not supported');
  }
  const unknown = names.find((name) => name.startsWith('$') && !known.includes(name));
  if (unknown !== undefined) {
    throw badRequest(
      `The query parameter '${unknown}' is not supported.`,
      'a query option is not one of OData',
    );
  }
  if (new Set(names).size < names.length) {
    throw badRequest('A query option was specified more than once.', 'a query option is given twice');
  }
}

function parseOrder(text: string | null, table: Table): Order | undefined {
  if (text === null) return undefined;
  return text.split(',').map((part) => {
    const [, name = '', direction = 'asc'] = /^\s*(\w+)(?:\s+(asc|desc))?\s*$/.exec(part) ?? [];
    if (!table.columns.some((column) => propertyName(column) === name)) {
      throw unknownColumn(name, table.logicalName);
    }
    return { name, sign: direction === 'desc' ? -1 : 1 };
  });
}

function parseTop(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (!/^\d{1,9}$/.test(text)) {
    throw badRequest("Invalid value for '$top' query option found.", '$top is not a whole number');
  }
  return Number(text);
}

function parseQuery(query: URLSearchParams, table: Table, behaviour: Behaviour): Query {
  checkOptions(query, played);
  const properties = table.columns.map(propertyName);
  const select =
    query
      .get('$select')
      ?.split(',')
      .map((name) => name.trim()) ?? properties;
  const unknown = select.find((name) => !properties.includes(name));
  if (unknown !== undefined) throw unknownColumn(unknown, table.logicalName);
  const filter = query.get('$filter');
  return {
    select,
    filter: filter === null ? undefined : parseFilter(filter, query, table, behaviour),
    order: parseOrder(query.get('$orderby'), table),
    top: parseTop(query.get('$top')),
    count: query.get('$count') === 'true',
  };
}

/** The number in Prefer: odata.maxpagesize=.. */
function preferredSize(prefer: string | string[] | undefined): number | undefined {
  const [, digits] = /(?:^|[,;\s])(?:odata\.)?maxpagesize\s*=\s*"?(\d+)/i.exec(String(prefer ?? '')) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

function digestOf(query: URLSearchParams): string {
  const options = [...query].filter(([name]) => name !== '$skiptoken');
  return createHash('sha256').update(JSON.stringify(options)).digest('base64url').slice(0, 16);
}

/** As Dataverse wraps it: a caller who takes a link apart or decodes it once too often ruins it. */
function wrap(cookie: Cookie): string {
  const token = Buffer.from(JSON.stringify(cookie)).toString('base64url');
  const inner = encodeURIComponent(
    encodeURIComponent(`<cookie page="${cookie.page - 1}"><row last="${token}" /></cookie>`),
  );
  return encodeURIComponent(
    `<cookie pagenumber="${cookie.page}" pagingcookie="${inner}" istracking="False" />`,
  );
}

function unwrap(token: string): Cookie | undefined {
  try {
    const [, inner = ''] = /^<cookie pagenumber="\d+" pagingcookie="([^"<]*)" /.exec(token) ?? [];
    const once = decodeURIComponent(inner);
    if (once.includes('<')) return undefined;
    const [, last = ''] = /<row last="([\w-]+)" \/>/.exec(decodeURIComponent(once)) ?? [];
    return JSON.parse(Buffer.from(last, 'base64url').toString('utf8')) as Cookie;
  } catch {
    return undefined;
  }
}

function readCookie(query: URLSearchParams): Cookie | undefined {
  const token = query.get('$skiptoken');
  if (token === null) return undefined;
  const cookie = unwrap(token);
  if (cookie === undefined) {
    throw apiFailure(400, '0x80041129', 'Malformed XML in the Paging Cookie', {
      violation: 'the @odata.nextLink was changed: its cookie cannot be read',
    });
  }
  if (cookie.query !== digestOf(query)) {
    throw badRequest(
      'The paging cookie is not valid for this query.',
      'the @odata.nextLink was changed: its cookie is of another query',
    );
  }
  return cookie;
}

function compareBy(order: Order): (left: Row, right: Row) => number {
  return (left, right) => {
    for (const { name, sign } of order) {
      const [a, b] = [left.value(name) ?? '', right.value(name) ?? ''];
      if (a !== b) return a < b ? -sign : sign;
    }
    return 0;
  };
}

/** The first rows of an order, without keeping many more than are asked for. */
function firstOf(rows: Iterable<Row>, limit: number, order: Order): Row[] {
  const compare = compareBy(order);
  let kept: Row[] = [];
  for (const row of rows) {
    kept.push(row);
    if (kept.length >= limit + 10_000) kept = kept.sort(compare).slice(0, limit);
  }
  return kept.sort(compare).slice(0, limit);
}

function* matching(rows: Iterable<Row>, filter: Filter | undefined): Generator<Row> {
  for (const row of rows) if (filter === undefined || filter.test(row)) yield row;
}

function first(rows: Iterable<Row>, limit: number): Row[] {
  const kept: Row[] = [];
  if (limit <= 0) return kept;
  for (const row of rows) {
    kept.push(row);
    if (kept.length === limit) break;
  }
  return kept;
}

function etagOf(modifiedOn: Value): string {
  return `W/"${Date.parse(String(modifiedOn)) % 1_000_000_000 || 1}"`;
}

function shown(row: Row, select: string[], key: string): JsonRow {
  const cells: JsonRow = { '@odata.etag': etagOf(row.value('modifiedon')) };
  for (const name of select) cells[name] = row.value(name);
  cells[key] = row.value(key);
  return cells;
}

const countLimit = 5000;

/** One page of a table. */
export function readPage(request: ApiRequest, table: Table, behaviour: Behaviour): Answer {
  const { query: options, headers, base, rawQuery } = request;
  const query = parseQuery(options, table, behaviour);
  const cookie = readCookie(options);
  const violations: string[] = [];
  const preferred = preferredSize(headers.prefer);
  if (preferred !== undefined && query.top !== undefined) {
    violations.push('$top is ignored beside odata.maxpagesize');
  }
  if (cookie !== undefined && cookie.size !== (preferred ?? 0)) {
    violations.push('a following page was asked for with another odata.maxpagesize than the first');
  }
  const isApplied = preferred !== undefined && preferred > 0 && preferred <= behaviour.maxPageSize;
  const size = isApplied ? preferred : behaviour.defaultPageSize;
  const served = cookie?.served ?? 0;
  const number = cookie?.page ?? 1;
  const restriction: Restriction = query.filter?.restriction ?? {};
  const limit = Math.min(
    preferred === undefined && query.top !== undefined ? query.top - served : Number.POSITIVE_INFINITY,
    behaviour.rowLimit > 0 ? behaviour.rowLimit - served : Number.POSITIVE_INFINITY,
  );
  // One row more than the page holds, to know whether and from where there is another page.
  const wanted = Math.min(size + 1, limit);
  let found: Row[];
  if (query.order === undefined) {
    found = first(matching(table.rows(restriction, cookie?.from), query.filter), wanted);
  } else {
    const before = Number(cookie?.from ?? 0);
    const all = matching(table.rows(restriction), query.filter);
    found = firstOf(all, before + Math.max(0, wanted), query.order).slice(before);
  }
  const { length } = found.slice(0, size);
  const rows = found.slice(0, size).map((row) => shown(row, query.select, table.key));

  const linkFrom = (place: number, isAgain = false): string | undefined => {
    const next = found[place];
    if (next === undefined) return undefined;
    const following: Cookie = {
      from: query.order === undefined ? next.position : String(Number(cookie?.from ?? 0) + place),
      page: isAgain ? number : number + 1,
      served: served + place,
      size: preferred ?? 0,
      query: digestOf(options),
    };
    const kept = rawQuery.split('&').filter((part) => part !== '' && !/^(\$|%24)skiptoken=/i.test(part));
    return `${base}${apiRoot}/${table.entitySetName}?${[...kept, `$skiptoken=${wrap(following)}`].join('&')}`;
  };
  const count = query.count
    ? { '@odata.count': first(matching(table.rows(restriction), query.filter), countLimit).length }
    : {};
  const context = `${base}${apiRoot}/$metadata#${table.entitySetName}(${query.select.join(',')})`;
  const page: Page = {
    rows,
    linkFrom,
    body: (value, nextLink) => ({
      '@odata.context': context,
      ...count,
      value,
      ...(nextLink === undefined ? {} : { '@odata.nextLink': nextLink }),
    }),
  };
  return {
    status: 200,
    headers: isApplied ? { 'preference-applied': `odata.maxpagesize=${preferred}` } : {},
    body: page.body(rows, linkFrom(length)),
    page,
    violations,
    facts: {
      select: query.select,
      ...(query.filter === undefined ? {} : { filter: query.filter.shape }),
      pageSize: size,
      rows: rows.length,
      page: number,
    },
  };
}
