import type { Controls } from './control.ts';

export const controlPrefix = '/sandbox';

export type ControlReply = { status: number; body: unknown };

type Route = (controls: Controls, body: never) => unknown;

const routes: Record<string, Route> = {
  'GET /sandbox': () => Object.keys(routes).toSorted(),
  'POST /sandbox/people': (controls, body) => done(() => controls.putPeople(body)),
  'DELETE /sandbox/people': (controls) => done(() => controls.clearPeople()),
  'POST /sandbox/people/remove': (controls, body) =>
    done(() => controls.removePerson((body as { id: string } | undefined)?.id ?? '')),
  'POST /sandbox/people/make-up': (controls, body) => controls.makeUp(body),
  'GET /sandbox/segments': (controls) => controls.segments(),
  'POST /sandbox/segments': (controls, body) => done(() => controls.putSegment(body)),
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
  'POST /sandbox/reset': (controls) => done(() => controls.reset()),
};

function done(action: () => void): { done: true } {
  action();
  return { done: true };
}

/** Answers a request of the control interface: 400 with `error` for wrong input, 404 for what is not there. */
export function answerControl(controls: Controls, method: string, path: string, body: string): ControlReply {
  const route = routes[`${method} ${path.replace(/\/$/, '')}`];
  if (route === undefined) {
    return { status: 404, body: { error: `no ${method} on this path; GET /sandbox lists what there is` } };
  }
  let input: unknown;
  try {
    input = body === '' ? undefined : JSON.parse(body);
  } catch {
    return { status: 400, body: { error: 'the body is not JSON' } };
  }
  try {
    return { status: 200, body: route(controls, input as never) };
  } catch (error) {
    return { status: 400, body: { error: error instanceof Error ? error.message : 'unknown' } };
  }
}
