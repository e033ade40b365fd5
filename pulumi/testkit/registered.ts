import * as pulumi from '@pulumi/pulumi';

/** A resource as Pulumi's engine is asked to register it. */
export interface Registered {
  type: string;
  name: string;
  urn: string;
  parent: string;
  /** URNs, of the parts of a component in its place. */
  dependencies: string[];
  /** As they go to the state: a secret is still wrapped. */
  inputs: Record<string, unknown>;
  retainOnDelete: boolean;
  /** How long a deletion may take, where that was said: `70m`. */
  deleteTimeout: string | undefined;
}

/** What Pulumi puts around a secret, and in the place of what is not known, when it speaks to the engine. */
export const secretMark = '4dabf18193072939515e22adb298388d';
export const unknownMark = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';

/** Runs a program against Pulumi's mocks and returns what it registered, once all of it is there. */
export async function registered(
  program: () => void,
  { preview = false }: { preview?: boolean } = {},
): Promise<Registered[]> {
  const found: Registered[] = [];
  await pulumi.runtime.setMocks(
    { newResource: ({ name, inputs }) => ({ id: name, state: inputs }), call: () => ({}) },
    'project',
    'stack',
    preview,
  );
  // The mocks are told neither the dependencies nor what becomes of a resource on destroy.
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) =>
    register(request, (error, response) => {
      if (response) {
        found.push({
          type: request.getType(),
          name: request.getName(),
          urn: response.getUrn(),
          parent: request.getParent(),
          dependencies: request.getDependenciesList(),
          inputs: request.getObject()?.toJavaScript() ?? {},
          retainOnDelete: request.getRetainondelete(),
          deleteTimeout: request.getCustomtimeouts()?.getDelete(),
        });
      }
      callback(error, response);
    });
  program();
  // It waits for every registration; the mocks need no word of farewell.
  await pulumi.runtime.disconnect(false);
  return found;
}

/** What is used here of Pulumi's protocol. */
interface RegisterRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getDependenciesList(): string[];
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
  getRetainondelete(): boolean;
  getCustomtimeouts(): { getDelete(): string } | undefined;
}

interface Monitor {
  registerResource(
    request: RegisterRequest,
    callback: (error: unknown, response: { getUrn(): string } | undefined) => void,
  ): unknown;
}
