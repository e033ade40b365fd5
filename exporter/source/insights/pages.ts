import { hash } from 'node:crypto';
import { Fault } from '../../fault.ts';
import { Body } from './body.ts';
import { type JsonRow, type RawPage, type Rows, readPage } from './page.ts';
import { Refused, type WebApi } from './webapi.ts';

/** What Dataverse gives at most; a larger number is ignored. */
export const fullPage = 5_000;
/** Elastic tables may answer with many a page that is empty; one that never ends would be a loop. */
const maxEmptyPages = 10_000;

export interface Query {
  entitySet: string;
  /** Names of properties. */
  select: readonly string[];
  filter?: string | undefined;
  /** Default: a full page. */
  pageSize?: number;
  /** What is asked for, as `code` of a fault. */
  what: string;
}

export interface Page {
  rows: Rows;
  hasMore: boolean;
  /** Of the reply. */
  bytes: number;
}

export function urlOf(api: WebApi, { entitySet, select, filter }: Query): string {
  const where = filter === undefined ? '' : `&$filter=${encodeURIComponent(filter)}`;
  return `${api.root}${entitySet}?$select=${select.join(',')}${where}`;
}

/**
 * All pages of a query. Pages may be short or empty; only a page without a link is the last. A page is good until
 * the next is asked for.
 * @throws Refused where the query itself is refused; Fault SourceReplyInvalid (code `page-link`) where a
 * link leads away from the environment or in a circle; and those of WebApi.get.
 */
export async function* pages(api: WebApi, query: Query, signal: AbortSignal): AsyncGenerator<Page, void> {
  const { pageSize = fullPage } = query;
  const body = new Body();
  const seen = new Set<string>();
  let empty = 0;
  for (let url: string | undefined = urlOf(api, query); url !== undefined; ) {
    // A digest, as a link is a kilobyte or more.
    seen.add(hash('sha1', url));
    const { rows, envelope } = await getPage(api, url, signal, pageSize, body, query.what, seen.size > 1);
    const link = linkOf(envelope);
    empty = rows.length === 0 ? empty + 1 : 0;
    if (link !== undefined) {
      const isCircle = seen.has(hash('sha1', link)) || empty > maxEmptyPages;
      if (isCircle || !api.isOwn(link)) throw new Fault('SourceReplyInvalid', { code: 'page-link' });
    }
    yield { rows, bytes: body.bytes.length, hasMore: link !== undefined };
    url = link;
  }
}

/** A query is refused at its first page; at a later one something else is wrong. */
async function getPage(
  api: WebApi,
  url: string,
  signal: AbortSignal,
  pageSize: number,
  body: Body,
  what: string,
  isLater: boolean,
): Promise<RawPage> {
  try {
    return await api.get(url, readPage, signal, { pageSize, body });
  } catch (error) {
    throw isLater && error instanceof Refused ? error.toFault(what) : error;
  }
}

/**
 * Whether the environment takes the query, by asking for one row of it. What its filter would have left
 * out is left out here where it does not.
 * @throws Fault where it is not the filter that is refused.
 */
export async function isAccepted(api: WebApi, query: Query, signal: AbortSignal): Promise<boolean> {
  try {
    await api.get(`${urlOf(api, query)}&$top=1`, readPage, signal);
    return true;
  } catch (error) {
    if (error instanceof Refused && error.status === 400 && query.filter !== undefined) return false;
    throw error instanceof Refused ? error.toFault(query.what) : error;
  }
}

function linkOf(envelope: JsonRow): string | undefined {
  const link = envelope['@odata.nextLink'];
  if (link === undefined || link === null) return undefined;
  if (typeof link === 'string') return link;
  throw new Fault('SourceReplyInvalid', { code: 'page-link' });
}
