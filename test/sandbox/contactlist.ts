import { normaliseAll } from './identifier.ts';
import { failure } from './problem.ts';
import type { Call, Outcome } from './request.ts';
import type { Segment } from './store.ts';

type Amendment = {
  data: {
    attributes: {
      operation: 'add' | 'remove';
      identifiers: string[];
      identifierType?: string;
      gumCallerId?: number;
    };
  };
};

function contactList(call: Call): Segment {
  const segment = call.state.segments.get(call.id);
  const status = call.state.behaviour.missingSegmentStatus;
  if (segment === undefined) {
    throw failure(status, {
      type: 'validation',
      code: 'audience-invalid',
      title: 'Audience is invalid',
      detail: 'Audience is not found, please choose a valid audience',
    });
  }
  if (!call.client.advertisers.some(({ id }) => id === segment.advertiserId)) throw failure(403);
  if (segment.type !== 'ContactList') {
    throw failure(400, { code: 'audience-invalid', detail: 'This segment has no contact list.' });
  }
  return segment;
}

function writableContactList(call: Call): Segment {
  const segment = contactList(call);
  if (segment.readOnly) {
    throw failure(403, { code: 'contact-list-read-only', detail: 'This contact list is read-only.' });
  }
  return segment;
}

/** As in Criteo's sample: seven fraction digits and a numeric offset. */
function requestDate(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '0000+00:00');
}

/** PATCH {id}/contact-list: adds or removes identifiers. */
export function amendContactList(call: Call): Outcome {
  const { behaviour, now } = call.state;
  const { operation, identifiers, identifierType, gumCallerId } = (call.body as Amendment).data.attributes;
  const segment = writableContactList(call);
  if (identifierType === undefined)
    throw failure(400, { code: 'required-field', detail: 'identifierType is missing' });
  if (gumCallerId !== undefined && identifierType !== 'gum') {
    throw failure(400, { detail: 'gumCallerId goes with the identifierType gum only' });
  }
  if (identifiers.length > behaviour.maxIdentifiers) {
    throw failure(behaviour.tooManyIdentifiersStatus, {
      code: 'too-many-identifiers',
      title: 'Too many identifiers',
      detail: `${identifiers.length} identifiers in one call; at most ${behaviour.maxIdentifiers} are allowed`,
    });
  }
  const { valid, invalidCount, invalidSample } = normaliseAll(identifierType, identifiers);
  const attributes = {
    contactListId: Number(segment.id),
    operation,
    requestDate: requestDate(now()),
    identifierType,
    nbValidIdentifiers: valid.length,
    nbInvalidIdentifiers: invalidCount,
    sampleInvalidIdentifiers: invalidSample,
  };
  return {
    body: { data: { type: 'ContactlistAmendment', attributes }, errors: [], warnings: [] },
    refusedData: { type: 'ContactlistAmendment', attributes: { operation, identifierType } },
    counts: { operation, identifiers: identifiers.length, valid: valid.length, invalid: invalidCount },
    commit: () => segment.members.change(operation, valid),
  };
}

/** DELETE {id}/contact-list: empties it; the segment stays. */
export function emptyContactList(call: Call): Outcome {
  const segment = writableContactList(call);
  const data = { id: segment.id, type: 'AudienceContactlist' };
  return {
    body: { data, errors: [], warnings: [] },
    refusedData: data,
    counts: { operation: 'empty', identifiers: segment.members.size, valid: 0, invalid: 0 },
    commit: () => segment.members.clear(),
  };
}

/** GET {id}/contact-list/statistics. */
export function contactListStatistics(call: Call): Outcome {
  const { id, members } = contactList(call);
  const { matchRate, matchRateScale } = call.state.behaviour;
  const attributes = {
    numberOfIdentifiers: members.size,
    numberOfMatches: Math.floor(members.size * matchRate),
    matchRate: members.size === 0 ? null : matchRate * matchRateScale,
  };
  return { body: { data: { id, type: 'ContactListStatistics', attributes }, errors: [], warnings: [] } };
}
