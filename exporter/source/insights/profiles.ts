import { Fault } from '../../fault.ts';
import type { Log } from '../../log.ts';
import type { Row } from '../source.ts';
import { Cells } from './cells.ts';
import type { MemberSet } from './memberset.ts';
import type { Table } from './metadata.ts';
import type { Rows } from './page.ts';
import { isAccepted, type Query, urlOf } from './pages.ts';
import { inParallel } from './parallel.ts';
import { rangeFilters } from './ranges.ts';
import { allPages } from './rowlimit.ts';
import { Refused, type WebApi } from './webapi.ts';

export interface ProfilesOptions {
  api: WebApi;
  table: Table;
  /** Properties: the id by which memberships name a profile, those of match.email, and that of consent. */
  key: string;
  fields: readonly string[];
  consentField: string | undefined;
  /** Whether a value of the consent field means consent. */
  gives: ((value: string) => boolean) | undefined;
  /** How many segments there are. */
  segments: number;
  parallelScans: number;
  log: Log;
}

/** Rows of larger batches outlive a collection of young garbage; see ../table.ts. */
const maxBatch = 64;
/** Dataverse takes 32 KB; a proxy may add to it. */
const maxUrlLength = 30_000;

/** The key is the first that is selected; what is needed twice is selected once. */
export function profileQuery({ table, key, fields, consentField }: ProfilesOptions): Query {
  const select = [...new Set([key, ...fields, ...(consentField === undefined ? [] : [consentField])])];
  return { entitySet: table.entitySet, select, what: 'profiles' };
}

/**
 * The rows of all members, a batch at a time: one for each profile and segment, in the order of the profiles. Up to
 * 20,000 members are asked for by their ids, some hundreds a query; for more all profiles are read, in
 * `parallelScans` parts. A member without a profile is a row without an address: its profile may still be on its way
 * to Dataverse. A profile that comes twice is given twice: of two rows with one key, either may hold the refusal.
 * @throws Fault as WebApi.get does.
 */
export async function* readProfiles(
  options: ProfilesOptions,
  members: MemberSet,
  signal: AbortSignal,
): AsyncGenerator<Row[], void> {
  const { api, table, key, parallelScans, log } = options;
  const queries = await queriesFor(options, members, signal);
  const join = new Join(options, members);
  const read = (query: Query) => allPages(api, table, query, key, signal);
  try {
    for await (const { rows } of inParallel(queries, parallelScans, read)) {
      join.begin(rows);
      for (let batch = join.next(); batch !== undefined; batch = join.next()) yield batch;
    }
  } catch (error) {
    throw error instanceof Refused ? error.toFault('profiles') : error;
  }
  let without = 0;
  for (let member = 0; member < members.size; member++) if (!members.isMet(member)) without++;
  if (without === 0) return;
  log.warn('members without a profile', { members: without });
  yield* unmet(options, members);
}

async function queriesFor(
  options: ProfilesOptions,
  members: MemberSet,
  signal: AbortSignal,
): Promise<Query[]> {
  const { api, key, parallelScans } = options;
  const everything = profileQuery(options);
  const byId = queriesById(api, everything, key, members.texts);
  if (byId[0] && (await isAccepted(api, byId[0], signal))) return byId;
  if (parallelScans === 1) return [everything];
  const ranges = rangeFilters(key, parallelScans).map((filter) => ({ ...everything, filter }));
  const [, middle = ''] = rangeFilters(key, 3);
  return (await isAccepted(api, { ...everything, filter: middle }, signal)) ? ranges : [everything];
}

/** None where the ids are too many, or cannot stand in a filter as they are. */
function queriesById(
  api: WebApi,
  everything: Query,
  key: string,
  ids: readonly string[] | undefined,
): Query[] {
  if (ids === undefined || !ids.every((id) => /^[\w.-]{1,200}$/.test(id))) return [];
  const filterOf = (list: readonly string[]): string =>
    `Microsoft.Dynamics.CRM.In(PropertyName='${key}',PropertyValues=${JSON.stringify(list)})`;
  const room = maxUrlLength - urlOf(api, { ...everything, filter: filterOf([]) }).length;
  // An id, its quotes and the comma, as they stand in a URL.
  const lengthOf = (id: string): number => id.length + 9;
  const queries: Query[] = [];
  for (let from = 0; from < ids.length; ) {
    let to = from;
    for (let length = 0; to < ids.length; to++) {
      length += lengthOf(ids[to] ?? '');
      if (length > room) break;
    }
    queries.push({ ...everything, filter: filterOf(ids.slice(from, to)) });
    from = to;
  }
  return queries;
}

/** The rows of members among profiles, a page after the other. */
class Join {
  readonly #options: ProfilesOptions;
  readonly #members: MemberSet;
  readonly #cells: Cells;
  /** Where the cells stand that match.email names, and that of consent. */
  readonly #fields: readonly number[];
  readonly #consent: number;
  #profiles: Rows | undefined;
  #at = 0;

  constructor(options: ProfilesOptions, members: MemberSet) {
    this.#options = options;
    this.#members = members;
    const { select } = profileQuery(options);
    this.#cells = new Cells(select);
    this.#fields = options.fields.map((field) => select.indexOf(field));
    this.#consent = select.indexOf(options.consentField ?? '');
  }

  begin(profiles: Rows): void {
    this.#profiles = profiles;
    this.#at = 0;
  }

  /** A batch; undefined at the end of the page. */
  next(): Row[] | undefined {
    const profiles = this.#profiles;
    const batch: Row[] = [];
    while (profiles !== undefined && batch.length < maxBatch && this.#at < profiles.length) {
      this.#take(profiles.read(this.#at++, this.#cells), batch);
    }
    return batch.length === 0 ? undefined : batch;
  }

  #take(cells: readonly unknown[], batch: Row[]): void {
    const { gives, segments } = this.#options;
    if (cells[0] === undefined) throw new Fault('SourceReplyInvalid', { status: 200 });
    const id = textOf(cells[0]);
    const member = id ? this.#members.find(id) : -1;
    if (member === -1) return;
    this.#members.meet(member);
    const addresses = this.#fields.map((at) => textOf(cells[at]));
    const candidates = addresses.every((address) => address !== undefined) ? addresses : 'misshapen';
    const given = textOf(cells[this.#consent]);
    const hasConsent = gives === undefined || (given !== undefined && gives(given));
    for (let segment = 0; segment < segments; segment++) {
      if (this.#members.isIn(member, segment)) batch.push({ segment, candidates, hasConsent });
    }
  }
}

/** The rows of members whose profile was not met. */
function* unmet({ segments }: ProfilesOptions, members: MemberSet): Generator<Row[]> {
  let batch: Row[] = [];
  for (let member = 0; member < members.size; member++) {
    if (members.isMet(member)) continue;
    for (let segment = 0; segment < segments; segment++) {
      if (members.isIn(member, segment)) batch.push({ segment, candidates: [], hasConsent: false });
    }
    if (batch.length < maxBatch) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** A cell as text: of a choice its number, of null nothing; undefined where it is no single value. */
function textOf(cell: unknown): string | undefined {
  if (typeof cell === 'string') return cell;
  if (typeof cell === 'number' || typeof cell === 'boolean') return String(cell);
  return cell === null || cell === undefined ? '' : undefined;
}
