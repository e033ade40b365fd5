import { Fault } from '../../fault.ts';
import type { Table } from './metadata.ts';
import { type Page, pages, type Query } from './pages.ts';
import { both, rangeFilters } from './ranges.ts';
import { Refused, type WebApi } from './webapi.ts';

/** Queries of virtual tables may end at so many rows, without a word. */
const limit = 1_000;
const parts = 64;

/**
 * All pages of a query, as `pages` gives them; of a virtual table it makes sure that they did not end early: who is
 * missing would be removed at Criteo. A number of rows that is no multiple of the limit is believed;
 * else the same rows are counted in parts.
 * @param key the property with the id. @throws Fault SourceUnreadable (code `row-limit`); and what `pages` throws.
 */
export async function* allPages(
  api: WebApi,
  table: Table,
  query: Query,
  key: string,
  signal: AbortSignal,
): AsyncGenerator<Page, void> {
  let rows = 0;
  for await (const page of pages(api, query, signal)) {
    rows += page.rows.length;
    yield page;
  }
  if (!table.isVirtual || !mayBeCut(rows)) return;
  let counted = 0;
  for (const range of rangeFilters(key, parts)) {
    const part = await count(api, { ...query, select: [key], filter: both(query.filter, range) }, signal);
    counted += part;
    // All in one part is no second opinion.
    if (mayBeCut(part) || counted > rows) throw cut(rows);
  }
}

function mayBeCut(rows: number): boolean {
  return rows > 0 && rows % limit === 0;
}

function cut(count: number): Fault {
  return new Fault('SourceUnreadable', { code: 'row-limit', count });
}

async function count(api: WebApi, query: Query, signal: AbortSignal): Promise<number> {
  let rows = 0;
  try {
    for await (const page of pages(api, query, signal)) rows += page.rows.length;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw error.status === 400 ? cut(rows) : error.toFault(query.what);
  }
  return rows;
}
