import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import type { Controls } from './control.ts';
import { answerControl, controlPrefix } from './controlhttp.ts';
import { isTokenPath, planToken } from './entra.ts';
import { type Delivery, plainDelivery, playFault } from './faults.ts';
import { apiFailure, Failure } from './problem.ts';
import { type Answer, type ApiRequest, readBody } from './request.ts';
import type { State } from './state.ts';
import { isWebApiPath, planWebApi, tooLong } from './webapi.ts';

const jsonType = 'application/json; charset=utf-8';
const odataType = 'application/json; odata.metadata=minimal; charset=utf-8';
const controlBodyBytes = 256 * 1024 * 1024;
const apiBodyBytes = 1024 * 1024;

/** Answers one HTTP request. `closing` ends replies that are held back. */
export async function serve(
  message: IncomingMessage,
  response: ServerResponse,
  state: State,
  controls: Controls,
  closing: AbortSignal,
): Promise<void> {
  const { method = 'GET', headers, url = '/', socket } = message;
  const scheme = socket instanceof TLSSocket ? 'https' : 'http';
  const base = `${scheme}://${headers.host ?? 'localhost'}`;
  const { pathname, searchParams: query, search } = new URL(`http://sandbox${url}`);
  const path = decoded(pathname);
  if (path === controlPrefix || path.startsWith(`${controlPrefix}/`)) {
    const body = await readBody(message, controlBodyBytes);
    const reply = answerControl(controls, method, path, body.toString('utf8'));
    send(response, reply.status, { 'content-type': jsonType }, `${JSON.stringify(reply.body, null, 2)}\n`);
    return;
  }
  const body = await readBody(message, apiBodyBytes);
  const urlLength = base.length + url.length;
  const rawQuery = search.slice(1);
  const request: ApiRequest = { method, path, rawQuery, query, urlLength, headers, body, base };
  const answer = plan(request, state);
  // As long as the reply is on its way, the request counts as one of those that are under way at once.
  if (answer.clientId !== undefined && isWebApiPath(path)) {
    response.once('close', state.protection.enter(answer.clientId));
  }
  const latency = isWebApiPath(path) ? state.behaviour.latencyMilliseconds : 0;
  await deliver(response, decide(request, answer, state), latency, closing);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Works out the answer, refusals included. */
function plan(request: ApiRequest, state: State): Answer {
  const known: { clientId?: string } = {};
  const violations: string[] = [];
  try {
    if (isTokenPath(request.path) && request.method === 'POST') return planToken(request, state);
    if (!isWebApiPath(request.path)) throw apiFailure(404, '0x80060888', 'There is nothing here.');
    if (request.urlLength > state.behaviour.maxUrlLength) throw tooLong();
    const { clientId } = Object.assign(known, {
      clientId: state.tokens.clientOf(request.headers.authorization, state.now()),
    });
    if (state.protection.isTooEarly(clientId, state.now())) {
      violations.push('a request came before the Retry-After of a 429 was over');
    }
    const answer = planWebApi(request, clientId, state);
    const remaining = String(state.protection.remaining(clientId, state.behaviour));
    const headers = { ...answer.headers, 'x-ms-ratelimit-burst-remaining-xrm-requests': remaining };
    return { ...answer, clientId, headers, violations: [...violations, ...answer.violations] };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { status, headers, body, violation } = error;
    if (violation !== undefined) violations.push(violation);
    return { status, headers, body, ...known, violations, facts: {} };
  }
}

/** Keys of rows are personal data, or nearly. */
function withoutKeys(path: string): string {
  return path.includes('/EntityDefinitions(') ? path : path.replaceAll(/\([^)]*\)?/g, '(_)');
}

/** Plays the fault that is due, and writes the journal. */
function decide(request: ApiRequest, planned: Answer, state: State): Delivery {
  const { method } = request;
  const path = withoutKeys(request.path);
  const time = new Date(state.now()).toISOString();
  const fault = state.faults.take(request, planned);
  const delivery = fault === undefined ? plainDelivery(planned) : playFault(fault, planned, request, state);
  for (const detail of planned.violations) state.journal.addViolation({ time, method, path, detail });
  const { status, clientId, headers, facts } = delivery.answer;
  const wait = Number(headers['retry-after'] ?? 0);
  if (status === 429 && wait > 0 && clientId !== undefined && isWebApiPath(path)) {
    state.protection.tellToWait(clientId, wait, state.now());
  }
  state.journal.addRequest({
    time,
    method,
    path,
    status: delivery.transport === 'reset' ? null : status,
    ...(clientId === undefined ? {} : { clientId }),
    ...facts,
    ...(fault === undefined ? {} : { fault: fault.kind }),
  });
  return delivery;
}

async function deliver(
  response: ServerResponse,
  delivery: Delivery,
  latency: number,
  closing: AbortSignal,
): Promise<void> {
  const { answer, transport, delayMilliseconds, slowMilliseconds } = delivery;
  if (transport === 'reset') {
    reset(response);
    return;
  }
  if (!(await paused(delayMilliseconds + latency, closing))) return;
  const { status, body } = answer;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const isData = answer.page !== undefined || (typeof body === 'object' && '@odata.context' in body);
  const usual = typeof body === 'string' ? 'text/plain; charset=utf-8' : isData ? odataType : jsonType;
  const version = isData ? { 'odata-version': '4.0' } : {};
  const headers = { 'content-type': usual, ...version, ...answer.headers };
  if (transport === 'whole') {
    send(response, status, headers, text);
    return;
  }
  const bytes = Buffer.from(text);
  const middle = bytes.length >> 1;
  response.writeHead(status, { ...headers, 'content-length': bytes.length });
  if (transport === 'half') {
    response.write(bytes.subarray(0, middle), () => response.destroy());
    return;
  }
  response.write(bytes.subarray(0, middle));
  if (await paused(slowMilliseconds, closing)) response.end(bytes.subarray(middle));
}

/** False where the sandbox was closed meanwhile. */
async function paused(milliseconds: number, closing: AbortSignal): Promise<boolean> {
  if (milliseconds === 0) return true;
  return await sleep(milliseconds, true, { signal: closing }).catch(() => false);
}

function send(response: ServerResponse, status: number, headers: Record<string, string>, text: string): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function reset(response: ServerResponse): void {
  const { socket } = response;
  // Only a plain TCP socket can send a reset by itself; a TLS one closes without a word, which callers see as the same.
  if (socket === null || socket instanceof TLSSocket) response.destroy();
  else socket.resetAndDestroy();
}
