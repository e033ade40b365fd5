import type { SegmentStatistics } from '../../api/report.ts';
import { Fault } from '../fault.ts';
import type { Call, Client, JsonObject } from './client.ts';
import { isPassing, isRecord, problemsIn } from './problems.ts';
import { Refusal } from './refusal.ts';

/** A contact-list segment as Criteo shows it. */
export interface Segment {
  id: string;
  name: string;
  description: string;
  isReadOnly: boolean;
}

const segmentsPath = '/marketing-solutions/audience-segments';
const pageSize = 100;
/** A hundred thousand segments: an account has some hundred, a server that never ends its list has more. */
const maxPages = 1000;

/** All contact-list segments of an advertiser. Criteo has no filter by name. */
export async function listSegments(client: Client, advertiserId: string): Promise<Segment[]> {
  const body = JSON.stringify({
    data: {
      type: 'AudienceSegment',
      attributes: { advertiserIds: [advertiserId], audienceSegmentTypes: ['ContactList'] },
    },
  });
  const segments: Segment[] = [];
  let offset = 0;
  for (let page = 0; page < maxPages; page++) {
    const path = `${segmentsPath}/search?limit=${pageSize}&offset=${offset}`;
    const reply = await client.callStrictly({ method: 'POST', path, body });
    if (!Array.isArray(reply.data)) throw new Fault('CriteoReplyInvalid', { status: 200 });
    segments.push(...reply.data.map(toSegment).filter((segment) => segment !== undefined));
    const total = isRecord(reply.meta) ? reply.meta.totalItems : undefined;
    // By what came, not by what was asked for: a server may give smaller pages.
    offset += reply.data.length;
    const more = typeof total === 'number' ? offset < total : reply.data.length === pageSize;
    if (!more || reply.data.length === 0) return segments;
  }
  throw new Fault('CriteoReplyInvalid', { status: 200 });
}

export type Created = { id: string } | 'NameTaken' | 'Unclear';

/**
 * Creates one segment: no index ties an error to its item, so never two at once.
 * @returns `Unclear` where Criteo answered 200 with neither a segment nor an error.
 * @throws Unclear where no answer came; Refusal; Fault SegmentNameRefused.
 */
export async function createSegment(
  client: Client,
  segment: { advertiserId: string; name: string; description: string },
): Promise<Created> {
  const body = JSON.stringify({
    data: [{ type: 'AudienceSegment', attributes: { ...segment, contactList: {} } }],
  });
  try {
    const reply = await client.call({
      method: 'POST',
      path: `${segmentsPath}/create`,
      body,
      writes: true,
      repeat: 'never',
    });
    return createdIn(reply);
  } catch (error) {
    if (error instanceof Refusal) return fromRefusal(error);
    throw error;
  }
}

function createdIn(reply: JsonObject): Created {
  const [item] = Array.isArray(reply.data) ? reply.data : [];
  const created = toSegment(item);
  if (created) return { id: created.id };
  // Items that fail are told in `errors` by one page of the documentation, in `warnings` by another.
  const problems = [...problemsIn(reply, 'errors'), ...problemsIn(reply, 'warnings')];
  const failures = problems.filter((problem) => problem.type !== 'deprecation');
  return failures.length === 0 ? 'Unclear' : fromRefusal(new Refusal(200, failures));
}

function fromRefusal(refusal: Refusal): Created {
  if (refusal.has('name-must-be-unique')) return 'NameTaken';
  const ofName = refusal.problems.some((problem) => problem.code?.startsWith('name-'));
  throw ofName ? new Fault('SegmentNameRefused', refusal.details()) : refusal;
}

/**
 * Gives a segment another name or description. Doing it again is harmless.
 * @returns `NameTaken` where another segment has the name; `Gone` where there is no such segment.
 * @throws Refusal; Fault SegmentNameRefused; and the client's.
 */
export async function updateSegment(
  client: Client,
  id: string,
  change: { name?: string; description?: string },
): Promise<'Updated' | 'NameTaken' | 'Gone'> {
  const { name, description } = change;
  const attributes = {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description: { value: description } }),
  };
  const body = JSON.stringify({ data: [{ id, type: 'AudienceSegment', attributes }] });
  const refusal = await bulkRefusal(client, { method: 'PATCH', path: segmentsPath, body, writes: true });
  if (refusal === undefined) return 'Updated';
  if (isGone(refusal)) return 'Gone';
  return fromRefusal(refusal) === 'NameTaken' ? 'NameTaken' : 'Updated';
}

/**
 * Deletes a segment; one that is not there any more is as good as deleted.
 * @throws Refusal; and the client's.
 */
export async function deleteSegment(client: Client, id: string): Promise<void> {
  const body = JSON.stringify({ data: [{ id, type: 'AudienceSegment' }] });
  const path = `${segmentsPath}/delete`;
  const refusal = await bulkRefusal(client, { method: 'POST', path, body, writes: true });
  if (refusal !== undefined && !isGone(refusal)) throw refusal;
}

/** The segment that a call names does not exist, by any of the codes that are documented for that. */
export function isGone(refusal: Refusal): boolean {
  return refusal.status === 404 || refusal.has('audience-invalid') || refusal.has('segment-not-found');
}

/**
 * The refusal of a bulk call's only item, where it was refused: by a 4xx, in `errors` or in `warnings`.
 * An empty reply without a word means that the account does not see the segment: it is taken as gone.
 */
async function bulkRefusal(client: Client, call: Call): Promise<Refusal | undefined> {
  for (let attempt = 0; ; attempt++) {
    try {
      const reply = await client.call(call);
      const problems = [...problemsIn(reply, 'errors'), ...problemsIn(reply, 'warnings')];
      const failures = problems.filter((problem) => problem.type !== 'deprecation');
      if (failures.length > 0 && failures.every(isPassing)) {
        await client.pause(attempt);
        continue;
      }
      if (failures.length > 0) return new Refusal(200, failures);
      const silent = !Array.isArray(reply.data) || reply.data.length === 0;
      return silent ? new Refusal(200, [{ type: 'validation', code: 'segment-not-found' }]) : undefined;
    } catch (error) {
      if (error instanceof Refusal) return error;
      throw error;
    }
  }
}

/**
 * Whether a segment that the list does not show is there all the same: lists may lag.
 * @throws the client's.
 */
export async function exists(client: Client, id: string): Promise<boolean> {
  try {
    await countIdentifiers(client, id);
    return true;
  } catch (error) {
    if (error instanceof Refusal && isGone(error)) return false;
    throw error;
  }
}

/** How many identifiers Criteo says a segment holds; undefined where it does not say. */
export async function countIdentifiers(client: Client, id: string): Promise<number | undefined> {
  return statisticsIn(await client.callStrictly(statisticsOf(id))).numberOfIdentifiers;
}

/**
 * Asked once, and not where that means to wait for the rate limit.
 * @throws Unclear where no answer came; Refusal; and the client's.
 */
export async function readStatistics(client: Client, id: string): Promise<SegmentStatistics> {
  return statisticsIn(await client.call({ ...statisticsOf(id), repeat: 'spare' }));
}

function statisticsOf(id: string): Call {
  return { method: 'GET', path: `${segmentsPath}/${id}/contact-list/statistics` };
}

function statisticsIn({ data }: JsonObject): SegmentStatistics {
  const attributes = isRecord(data) && isRecord(data.attributes) ? data.attributes : {};
  const statistics: SegmentStatistics = {};
  for (const name of ['numberOfIdentifiers', 'numberOfMatches'] as const) {
    const value = attributes[name];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) statistics[name] = value;
  }
  return statistics;
}

function toSegment(item: unknown): Segment | undefined {
  if (!isRecord(item) || typeof item.id !== 'string' || !/^[0-9]{1,19}$/.test(item.id)) return undefined;
  const attributes = isRecord(item.attributes) ? item.attributes : {};
  const { name, description, contactList } = attributes;
  return {
    id: item.id,
    name: typeof name === 'string' ? name : '',
    description: typeof description === 'string' ? description : '',
    isReadOnly: isRecord(contactList) && contactList.isReadOnly === true,
  };
}
