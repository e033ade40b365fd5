import { bulk, items } from './bulk.ts';
import { failure, type ProblemSeed } from './problem.ts';
import type { Call, Outcome } from './request.ts';
import { duplicateName, emptyName, noType, notComputable, notFound, typeOfKey } from './segmentproblems.ts';
import { Members, nameKey, type Segment } from './store.ts';

type CreateItem = {
  attributes?: { advertiserId: string; name: string; description?: string } & Record<string, unknown>;
};
type UpdateItem = {
  id?: string;
  attributes?: { name?: string; description?: { value?: string | null } | null };
};
type IdItem = { id?: string };

function owns(call: Call, advertiserId: string): boolean {
  return call.client.advertisers.some((advertiser) => advertiser.id === advertiserId);
}

/** False where the advertiser's part of the call is to be left out in silence; throws where it is forbidden. */
function mayUse(call: Call, advertiserId: string): boolean {
  if (owns(call, advertiserId)) return true;
  if (call.state.behaviour.foreignAdvertiser === 'emptyData') return false;
  throw failure(403);
}

function visible(call: Call, id: string | undefined): Segment | undefined {
  const segment = id === undefined ? undefined : call.state.segments.get(id);
  return segment !== undefined && owns(call, segment.advertiserId) ? segment : undefined;
}

function resource(segment: Segment) {
  const { id, advertiserId, name, description, type, readOnly, createdAt, updatedAt } = segment;
  const attributes = {
    advertiserId,
    name,
    description,
    type,
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
    ...(type === 'ContactList' ? { contactList: { isReadOnly: readOnly } } : {}),
  };
  return { id, type: 'AudienceSegment', attributes };
}

/** What is wrong with a name, `others` being all segments as they would be with the call's earlier items. */
function nameProblem(
  call: Call,
  name: string,
  advertiserId: string,
  others: Segment[],
): ProblemSeed | undefined {
  if (name.trim() === '') return emptyName;
  const { nameComparison } = call.state.behaviour;
  const key = nameKey(name, nameComparison);
  const taken = others.some(
    (other) => other.advertiserId === advertiserId && nameKey(other.name, nameComparison) === key,
  );
  return taken ? duplicateName(name) : undefined;
}

export function createSegments(call: Call): Outcome {
  const { state } = call;
  const created: Segment[] = [];
  const failures: ProblemSeed[] = [];
  for (const { attributes } of items<CreateItem>(call.body)) {
    if (attributes === undefined)
      throw failure(400, { code: 'required-field', detail: 'attributes is missing' });
    if (!mayUse(call, attributes.advertiserId)) continue;
    const types = Object.keys(typeOfKey).filter((key) => attributes[key] !== undefined);
    const type = typeOfKey[types[0] ?? ''];
    const wrong = nameProblem(call, attributes.name, attributes.advertiserId, [
      ...state.segments.all(),
      ...created,
    ]);
    if (wrong !== undefined) failures.push(wrong);
    else if (type === undefined || types.length > 1) failures.push(noType);
    else {
      created.push({
        id: state.segments.newId(),
        advertiserId: attributes.advertiserId,
        name: attributes.name,
        description: attributes.description ?? null,
        type,
        readOnly: false,
        members: new Members(),
        createdAt: state.now(),
        updatedAt: state.now(),
      });
    }
  }
  return bulk(call, created.map(resource), failures, () => {
    for (const segment of created) state.segments.put(segment);
  });
}

export function updateSegments(call: Call): Outcome {
  const { state } = call;
  const updated: Segment[] = [];
  const failures: ProblemSeed[] = [];
  for (const { id, attributes = {} } of items<UpdateItem>(call.body)) {
    const segment = visible(call, id);
    if (segment === undefined) {
      failures.push(notFound(id));
      continue;
    }
    const { name = segment.name, description } = attributes;
    const others = state.segments
      .all()
      .filter((other) => other.id !== id && !updated.some((done) => done.id === other.id));
    const wrong = nameProblem(call, name, segment.advertiserId, [
      ...others,
      ...updated.filter((done) => done.id !== id),
    ]);
    if (wrong !== undefined) failures.push(wrong);
    else {
      const newDescription = description == null ? segment.description : (description.value ?? null);
      updated.push({ ...segment, name, description: newDescription, updatedAt: state.now() });
    }
  }
  return bulk(call, updated.map(resource), failures, () => {
    for (const { id, name, description, updatedAt } of updated) {
      const segment = state.segments.get(id);
      if (segment !== undefined) state.segments.put({ ...segment, name, description, updatedAt });
    }
  });
}

export function deleteSegments(call: Call): Outcome {
  const requested = items<IdItem>(call.body);
  const found = requested.flatMap(({ id }) => visible(call, id) ?? []);
  const failures = requested
    .filter(({ id }) => visible(call, id) === undefined)
    .map(({ id }) => notFound(id));
  const data = found.map(({ id }) => ({ id, type: 'AudienceSegment' }));
  return bulk(call, data, failures, () => {
    for (const { id } of found) call.state.segments.delete(id);
  });
}

type Filter = { advertiserIds?: string[]; audienceSegmentIds?: string[]; audienceSegmentTypes?: string[] };

export function searchSegments(call: Call): Outcome {
  const { data } = call.body as { data?: { attributes?: Filter } };
  const { advertiserIds, audienceSegmentIds, audienceSegmentTypes } = data?.attributes ?? {};
  const allowed = advertiserIds?.filter((id) => mayUse(call, id));
  const found = call.state.segments
    .all()
    .filter(({ advertiserId }) => owns(call, advertiserId))
    .filter(({ advertiserId }) => allowed === undefined || allowed.includes(advertiserId))
    .filter(({ id }) => audienceSegmentIds === undefined || audienceSegmentIds.includes(id))
    .filter(({ type }) => audienceSegmentTypes === undefined || audienceSegmentTypes.includes(type));
  const limit = Math.min(Number(call.query.get('limit') ?? 50), call.state.behaviour.pageLimit);
  const offset = Number(call.query.get('offset') ?? 0);
  const meta = { totalItems: found.length, limit, offset };
  const page = found.slice(offset, offset + limit).map(resource);
  return { body: { data: page, meta, errors: [], warnings: [] }, refusedData: [] };
}

export function computeSizes(call: Call): Outcome {
  const sizes: unknown[] = [];
  const failures: ProblemSeed[] = [];
  for (const { id } of items<IdItem>(call.body)) {
    const segment = visible(call, id);
    if (segment === undefined) failures.push(notFound(id));
    else if (segment.type !== 'ContactList') failures.push(notComputable);
    else sizes.push({ id, type: 'AudienceSegmentSize', attributes: { size: segment.members.size } });
  }
  return bulk(call, sizes, failures, () => {});
}
