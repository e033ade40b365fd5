import { appendFileSync } from 'node:fs';
import * as pulumi from '@pulumi/pulumi';
import { type Registration, unwrapSecrets } from './registrations.ts';

/**
 * Loaded into the process of a Pulumi program before Pulumi's own start: sets Pulumi's mocks, which answer every
 * registration as a cluster that took it would, and writes each registration as a line of JSON to RECORD_FILE.
 */
const recordFile = process.env.RECORD_FILE ?? '';

await pulumi.runtime.setMocks(
  {
    newResource: ({ name, inputs }) => ({ id: objectId(inputs) ?? name, state: inputs }),
    call: ({ token }) => {
      throw new Error(
        `${token}: a program that asks the cluster while it runs cannot be previewed without one`,
      );
    },
  },
  process.env.PULUMI_NODEJS_PROJECT,
  process.env.PULUMI_NODEJS_STACK,
  process.env.PULUMI_NODEJS_DRY_RUN === 'true',
);

/** As the Kubernetes provider makes it. */
function objectId({ metadata }: { metadata?: { name?: string; namespace?: string } }): string | undefined {
  return metadata?.namespace === undefined ? metadata?.name : `${metadata.namespace}/${metadata.name}`;
}

/** What is used here of the messages of Pulumi's protocol. */
interface RegisterRequest {
  getType(): string;
  getName(): string;
  getCustom(): boolean;
  getParent(): string;
  getDependenciesList(): string[];
  getObject(): Struct | undefined;
  getRetainondelete(): boolean;
}

interface OutputsRequest {
  getUrn(): string;
  getOutputs(): Struct | undefined;
}

interface Struct {
  toJavaScript(): Record<string, unknown>;
}

type Callback<Response> = (error: unknown, response: Response | undefined) => void;

interface Monitor {
  registerResource(request: RegisterRequest, callback: Callback<{ getUrn(): string }>): unknown;
  registerResourceOutputs(request: OutputsRequest, callback: Callback<unknown>): unknown;
  signalAndWaitForShutdown(request: unknown, callback: Callback<unknown>): void;
}

// The mocks are told neither what a resource depends on nor what becomes of it on destroy; the request says both.
const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
const register = monitor.registerResource.bind(monitor);
monitor.registerResource = (request, callback) =>
  register(request, (error, response) => {
    if (response !== undefined) record(registration(request, response.getUrn()));
    callback(error, response);
  });
const registerOutputs = monitor.registerResourceOutputs.bind(monitor);
monitor.registerResourceOutputs = (request, callback) => {
  record({ outputsOf: request.getUrn(), ...unwrapSecrets(request.getOutputs()?.toJavaScript() ?? {}) });
  return registerOutputs(request, callback);
};
// Pulumi's start asks for it at the end, and its mocks lack it.
monitor.signalAndWaitForShutdown = (_request, callback) => callback(null, {});

function registration(request: RegisterRequest, urn: string): Registration {
  const { plain, secrets } = unwrapSecrets(request.getObject()?.toJavaScript() ?? {});
  return {
    urn,
    type: request.getType(),
    name: request.getName(),
    custom: request.getCustom(),
    parent: request.getParent(),
    dependencies: request.getDependenciesList(),
    inputs: plain as Record<string, unknown>,
    secrets,
    retainOnDelete: request.getRetainondelete(),
  };
}

function record(line: object): void {
  appendFileSync(recordFile, `${JSON.stringify(line)}\n`);
}
