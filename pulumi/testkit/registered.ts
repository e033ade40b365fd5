import * as pulumi from '@pulumi/pulumi';

/** A resource as Pulumi's engine is asked to register it. */
export interface Registered {
  type: string;
  name: string;
  urn: string;
  parent: string;
  /** URN and id; empty where it is the stack's own. */
  provider: string;
  /** URNs, of the parts of a component in its place. */
  dependencies: string[];
  /** As they go to the state: a secret is still wrapped. */
  inputs: Record<string, unknown>;
  /** Undefined where it is what the parent's is. */
  retainOnDelete: boolean | undefined;
  /** What a component says at its end; of no other resource. */
  outputs: Record<string, unknown> | undefined;
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
  const found: Omit<Registered, 'outputs'>[] = [];
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
          provider: request.getProvider(),
          dependencies: request.getDependenciesList(),
          inputs: request.getObject()?.toJavaScript() ?? {},
          retainOnDelete: request.hasRetainondelete() ? request.getRetainondelete() : undefined,
          deleteTimeout: request.getCustomtimeouts()?.getDelete(),
        });
      }
      callback(error, response);
    });
  const outputs = new Map<string, Record<string, unknown>>();
  const registerOutputs = monitor.registerResourceOutputs.bind(monitor);
  monitor.registerResourceOutputs = (request, callback) => {
    outputs.set(request.getUrn(), request.getOutputs()?.toJavaScript() ?? {});
    return registerOutputs(request, callback);
  };
  program();
  // It waits for every registration; the mocks need no word of farewell.
  await pulumi.runtime.disconnect(false);
  return found.map((resource) => ({ ...resource, outputs: outputs.get(resource.urn) }));
}

/** What is used here of Pulumi's protocol. */
interface RegisterRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getProvider(): string;
  getDependenciesList(): string[];
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
  hasRetainondelete(): boolean;
  getRetainondelete(): boolean;
  getCustomtimeouts(): { getDelete(): string } | undefined;
}

interface OutputsRequest {
  getUrn(): string;
  getOutputs(): { toJavaScript(): Record<string, unknown> } | undefined;
}

interface Monitor {
  registerResource(
    request: RegisterRequest,
    callback: (error: unknown, response: { getUrn(): string } | undefined) => void,
  ): unknown;
  registerResourceOutputs(
    request: OutputsRequest,
    callback: (error: unknown, response: unknown) => void,
  ): unknown;
}
