import type { Controls } from './control.ts';

export const controlPrefix = '/sandbox';

export type ControlReply = { status: number; body: unknown };

type Route = (controls: Controls, body: never, id: string, query: URLSearchParams) => unknown;

const routes: Record<string, Route> = {
  'GET /sandbox': () => Object.keys(routes).toSorted(),
  'GET /sandbox/segments': (controls) => controls.segments(),
  'POST /sandbox/segments': (controls, body) => controls.addSegment(body),
  'GET /sandbox/segments/{id}': (controls, _body, id) => controls.segment(id),
  'PATCH /sandbox/segments/{id}': (controls, body, id) => controls.changeSegment(id, body),
  'DELETE /sandbox/segments/{id}': (controls, _body, id) => done(() => controls.deleteSegment(id)),
  'GET /sandbox/segments/{id}/contains': (controls, _body, id, query) => ({
    contains: controls.contains(id, query.get('digest') ?? ''),
  }),
  'POST /sandbox/members': (controls, body) => controls.changeMembers(body),
  'GET /sandbox/faults': (controls) => controls.faults(),
  'POST /sandbox/faults': (controls, body) => controls.addFault(body),
  'DELETE /sandbox/faults': (controls) => done(() => controls.clearFaults()),
  'GET /sandbox/requests': (controls) => controls.requests(),
  'DELETE /sandbox/requests': (controls) => done(() => controls.clearRequests()),
  'GET /sandbox/violations': (controls) => controls.violations(),
  'GET /sandbox/clients': (controls) => controls.clients(),
  'POST /sandbox/clients': (controls, body) => done(() => controls.putClient(body)),
  'POST /sandbox/tokens/expire': (controls) => done(() => controls.expireTokens()),
  'GET /sandbox/behaviour': (controls) => controls.behaviour(),
  'PATCH /sandbox/behaviour': (controls, body) => controls.setBehaviour(body),
  'GET /sandbox/effects': (controls) => ({ pending: controls.pendingEffects() }),
  'POST /sandbox/effects/release': (controls) => ({ released: controls.releaseEffects() }),
  'POST /sandbox/reset': (controls) => done(() => controls.reset()),
};

function done(action: () => void): { done: true } {
  action();
  return { done: true };
}

/** Answers a request of the control interface: 400 with `error` for wrong input, 404 for what is not there. */
export function answerControl(
  controls: Controls,
  method: string,
  path: string,
  query: URLSearchParams,
  body: string,
): ControlReply {
  const template = path.replace(/\/$/, '').replace(/^(\/sandbox\/segments\/)[^/]+/, '$1{id}');
  const route = routes[`${method} ${template}`];
  if (route === undefined)
    return { status: 404, body: { error: `no ${method} on this path; GET /sandbox lists what there is` } };
  let input: unknown;
  try {
    input = body === '' ? undefined : JSON.parse(body);
  } catch {
    return { status: 400, body: { error: 'the body is not JSON' } };
  }
  try {
    const result = route(controls, input as never, path.split('/')[3] ?? '', query);
    if (result === undefined) return { status: 404, body: { error: 'there is no such segment' } };
    return { status: 200, body: result };
  } catch (error) {
    return { status: 400, body: { error: error instanceof Error ? error.message : 'unknown' } };
  }
}
