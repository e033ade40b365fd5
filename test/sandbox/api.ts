import { currentApplication, listAdvertisers } from './account.ts';
import { amendContactList, contactListStatistics, emptyContactList } from './contactlist.ts';
import { bodyViolation, findOperation, type Operation, parameterViolation } from './contract.ts';
import type { Client } from './options.ts';
import { ApiFailure, apiEnvelope, failure } from './problem.ts';
import type { Answer, ApiRequest, Call, Outcome } from './request.ts';
import { computeSizes, createSegments, deleteSegments, searchSegments, updateSegments } from './segments.ts';
import type { State } from './state.ts';
import { planToken, tokenPath } from './token.ts';

const handlers: Record<string, (call: Call) => Outcome> = {
  ListAdvertisers: listAdvertisers,
  GetCurrentApplication: currentApplication,
  CreateAudienceSegments: createSegments,
  UpdateAudienceSegments: updateSegments,
  DeleteAudienceSegments: deleteSegments,
  SearchAudienceSegments: searchSegments,
  ComputeAudienceSegmentsSizes: computeSizes,
  UpdateContactListByAudienceSegment: amendContactList,
  DeleteContactListByAudienceSegment: emptyContactList,
  GetAudienceSegmentContactListStatistics: contactListStatistics,
};

const manage = 'MarketingSolutions_Audience_Manage';

/** Refuses a request that breaks the contract, and leaves word of it. */
class ContractFailure extends ApiFailure {
  readonly violation: string;

  constructor(status: number, violation: string, code = 'invalid') {
    super(status, failure(status, { type: 'validation', code, detail: violation }).seeds);
    this.violation = violation;
  }
}

/** Works out the answer to a request to Criteo's API. Its effect comes with the answer's `commit`. */
export function plan(request: ApiRequest, state: State): Answer {
  const known: Pick<Answer, 'headers' | 'operation' | 'clientId'> = { headers: {} };
  try {
    if (request.oversize) throw failure(413);
    if (request.path === tokenPath && request.method === 'POST') return planToken(request, state);
    const rest = supportedPath(request, state, known);
    const clientId = state.tokens.clientOf(request.headers.authorization, state.now());
    known.clientId = clientId;
    const limits = state.limiter.count(clientId, state.behaviour, state.now());
    known.headers = { ...known.headers, ...limits };
    const operation = knownOperation(request, rest);
    known.operation = operation;
    const client = permittedClient(operation, state.clients.get(clientId));
    const id = operation.pattern.exec(rest)?.groups?.id;
    const violation = parameterViolation(operation, id, request.query);
    if (violation !== undefined) throw new ContractFailure(400, violation);
    const body = readJson(request, operation);
    const handler = handlers[operation.id];
    if (handler === undefined) {
      throw failure(501, {
        code: 'sandbox-not-played',
        detail: `The sandbox does not play ${operation.id}.`,
      });
    }
    const outcome = handler({ state, client, path: request.path, id: id ?? '', query: request.query, body });
    return { ...known, status: 200, ...outcome };
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    const envelope = apiEnvelope(error.seeds, request.path);
    const headers = { ...known.headers, ...error.headers };
    const violation = error instanceof ContractFailure ? error.violation : undefined;
    return { ...known, headers, status: error.status, body: envelope, violation };
  }
}

/** The path behind a supported version. */
function supportedPath(request: ApiRequest, { behaviour }: State, known: Pick<Answer, 'headers'>): string {
  const [, version = '', rest = ''] = /^\/(\d{4}-\d{2}|experimental|preview)(\/.*)$/.exec(request.path) ?? [];
  if (behaviour.versions.includes(version)) {
    const deprecated = behaviour.deprecatedVersions[version];
    if (deprecated !== undefined) known.headers = { deprecation: 'true', sunset: deprecated.sunset };
    return rest;
  }
  const oldest = behaviour.versions.toSorted()[0] ?? '';
  if (/^\d/.test(version) && version < oldest) throw failure(410);
  throw new ContractFailure(
    404,
    version === '' ? 'the path is not in the contract' : `there is no version ${version}`,
  );
}

function knownOperation(request: ApiRequest, rest: string): Operation {
  const operation = findOperation(request.method, rest);
  if (operation === undefined)
    throw new ContractFailure(404, `${request.method} on this path is not in the contract`);
  return operation;
}

function permittedClient(operation: Operation, client: Client | undefined): Client {
  // The client was taken away after it got its token.
  if (client === undefined) throw failure(401, { code: 'authorization-token-invalid' });
  const { permissions } = client;
  const needed = operation.permission;
  const granted = (permissions as string[] | undefined) ?? [manage];
  if (needed !== undefined && !granted.includes(needed) && !granted.includes(manage)) {
    throw failure(403, { code: 'insufficient-permissions', detail: `The application lacks ${needed}.` });
  }
  return client;
}

function readJson(request: ApiRequest, operation: Operation): unknown {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (operation.request() !== undefined && type !== 'application/json') {
    throw new ContractFailure(415, 'the content type must be application/json', 'unsupported-media-type');
  }
  let body: unknown;
  if (request.body.length > 0) {
    try {
      body = JSON.parse(request.body.toString('utf8'));
    } catch {
      // Not the parser's words: they quote the text, and the text may hold addresses.
      throw new ContractFailure(400, 'the body is not JSON');
    }
  }
  const violation = bodyViolation(operation, body);
  if (violation !== undefined) throw new ContractFailure(400, violation);
  return body;
}
