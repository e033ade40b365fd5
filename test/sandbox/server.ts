import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { plan } from './api.ts';
import { replyViolation } from './contract.ts';
import type { Controls } from './control.ts';
import { answerControl, controlPrefix } from './controlhttp.ts';
import { type Delivery, plainDelivery, playFault } from './faultplay.ts';
import { apiEnvelope, seedFor } from './problem.ts';
import { type Answer, type ApiRequest, readBody } from './request.ts';
import type { State } from './state.ts';
import { tokenPath } from './token.ts';

const jsonType = 'application/json; charset=utf-8';
const controlBodyBytes = 256 * 1024 * 1024;

/** Answers one HTTP request. `closing` ends replies that a fault holds back. */
export async function serve(
  message: IncomingMessage,
  response: ServerResponse,
  state: State,
  controls: Controls,
  closing: AbortSignal,
): Promise<void> {
  const { method = 'GET', headers, url = '/' } = message;
  const { pathname: path, searchParams: query } = new URL(`http://sandbox${url}`);
  if (path === controlPrefix || path.startsWith(`${controlPrefix}/`)) {
    const { body } = await readBody(message, controlBodyBytes);
    const reply = answerControl(controls, method, path, query, body.toString('utf8'));
    send(response, reply.status, {}, `${JSON.stringify(reply.body, null, 2)}\n`, jsonType);
    return;
  }
  const { body, oversize } = await readBody(message, state.behaviour.maxBodyBytes);
  const request: ApiRequest = { method, path, query, headers, body, oversize };
  const delivery = decide(request, plan(request, state), state);
  applyEffect(delivery, state);
  await deliver(response, delivery, { cleared: state.faults.cleared, closing });
}

/** Plays the fault that is due, holds the reply against the contract, and writes the journal. */
function decide(request: ApiRequest, planned: Answer, state: State): Delivery {
  const { method, path } = request;
  const time = new Date(state.now()).toISOString();
  const due = state.faults.take(request, planned);
  let delivery =
    due === undefined
      ? plainDelivery(planned)
      : playFault(due.fault, planned, path, state.behaviour.callsPerMinute, state.now());
  if (planned.violation !== undefined) {
    state.journal.addViolation({ time, side: 'request', method, path, detail: planned.violation });
  }
  const { answer } = delivery;
  const broken =
    delivery.checked && path !== tokenPath
      ? replyViolation(answer.operation, answer.status, answer.body)
      : undefined;
  if (broken !== undefined) {
    state.journal.addViolation({ time, side: 'reply', method, path, detail: broken });
    delivery = { ...plainDelivery(ownFault(answer, path, broken)), effect: 'never' };
  }
  const { status, clientId, counts } = delivery.answer;
  state.journal.addRequest({
    time,
    method,
    path,
    status: delivery.transport === 'reset' ? null : status,
    ...(clientId === undefined ? {} : { clientId }),
    ...(counts === undefined ? {} : { counts }),
    ...(due === undefined ? {} : { fault: due.fault.kind }),
  });
  return delivery;
}

function ownFault(answer: Answer, path: string, detail: string): Answer {
  const seed = seedFor(500, {
    code: 'sandbox-breaks-the-contract',
    title:
      "THE SANDBOX'S OWN REPLY BREAKS CRITEO'S CONTRACT; this is a fault of the sandbox, not of the caller",
    detail,
  });
  return { ...answer, status: 500, body: apiEnvelope([seed], path) };
}

function applyEffect({ answer: { commit }, effect }: Delivery, state: State): void {
  if (commit === undefined || effect === 'never') return;
  if (effect === 'now') commit();
  else state.effects.postpone(commit, effect.afterMilliseconds);
}

/** `cleared` lets a reply go that is held back; `closing` drops it. */
async function deliver(
  response: ServerResponse,
  delivery: Delivery,
  { cleared, closing }: { cleared: AbortSignal; closing: AbortSignal },
): Promise<void> {
  const { answer, transport, delayMilliseconds, rawBody } = delivery;
  if (transport === 'reset') {
    reset(response);
    return;
  }
  if (delayMilliseconds > 0) {
    const signal = AbortSignal.any([cleared, closing]);
    await sleep(delayMilliseconds, undefined, { signal }).catch(() => undefined);
    if (closing.aborted) return;
  }
  const text = rawBody?.text ?? JSON.stringify(answer.body);
  const contentType = rawBody?.contentType ?? jsonType;
  if (transport === 'half') sendHalf(response, answer, text, contentType);
  else send(response, answer.status, answer.headers, text, contentType);
}

function send(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  text: string,
  contentType: string,
): void {
  response.writeHead(status, {
    ...headers,
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

function sendHalf(response: ServerResponse, answer: Answer, text: string, contentType: string): void {
  const bytes = Buffer.from(text);
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-type': contentType,
    'content-length': bytes.length,
  });
  response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
}

function reset(response: ServerResponse): void {
  const { socket } = response;
  // Only a plain TCP socket can send a reset by itself; a TLS one closes without a word, which callers see as the same.
  if (socket === null || socket instanceof TLSSocket) response.destroy();
  else socket.resetAndDestroy();
}
