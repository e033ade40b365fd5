import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { validateConnection, validateExport } from '../../../api/validate.ts';
import { crdFiles, readCrd, type Schema, schemaOf } from '../../../scripts/generate/crd.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { kubectl } from '../../cluster/kubectl.ts';
import { ApiServer, installCrds, type Reply } from '../../support/apiserver.ts';
import { collectionOf, type Example, readExamples } from './manifests.ts';

let controlPlane: ControlPlane;
let server: ApiServer;

beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false });
  server = new ApiServer(controlPlane);
  await installCrds(controlPlane);
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await controlPlane?.stop();
});

const examples = readExamples();
const refusedByTheServer: string[] = [];

/** `field: message` of everything that the API server found wrong. */
function refusalsOf({ status, body }: Reply): string[] {
  if (status < 400) return [];
  const causes = (body.details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`);
  return [...causes, body.message ?? ''];
}

describe('manifests', () => {
  it.each(examples)('$title', async ({ object, refusals }) => {
    const reply = await server.dryRunCreate(collectionOf(object.kind), object);
    const found = refusalsOf(reply);
    refusedByTheServer.push(...found);
    if (refusals.length === 0) {
      expect(found).toEqual([]);
      expect(reply.status).toBe(201);
    }
    for (const refusal of refusals)
      expect(
        found.filter((text) => saysIt(text, refusal)),
        found.join('\n'),
      ).not.toEqual([]);
  });

  it('are accepted by validateConnection and validateExport where the API server accepts them', () => {
    const wronglyRefused = examples
      .filter(({ refusals }) => refusals.length === 0)
      .flatMap((example) => {
        const result = validateLocally(example);
        return result.ok ? [] : [{ title: example.title, errors: result.errors }];
      });
    expect(wronglyRefused).toEqual([]);
  });

  it('get the defaults from validateConnection and validateExport that the API server gives them', async () => {
    const accepted = examples.filter(({ refusals }) => refusals.length === 0);
    for (const example of accepted) {
      const { body } = await server.dryRunCreate(collectionOf(example.object.kind), example.object);
      const local = validateLocally(example);
      expect(
        local.ok && { title: example.title, spec: local.value.spec, status: local.value.status },
      ).toEqual({
        title: example.title,
        spec: body.spec,
        status: body.status,
      });
    }
  });

  it('break every CEL rule of both kinds', () => {
    const messages = crdFiles.flatMap((file) => rulesOf(schemaOf(readCrd(file))));
    expect(messages.length).toBeGreaterThan(40);
    expect(messages.filter((message) => !refusedByTheServer.some((text) => text.includes(message)))).toEqual(
      [],
    );
  });
});

describe('examples', () => {
  const directory = join(import.meta.dirname, '..', '..', '..', 'examples');
  const files = readdirSync(directory).filter((name) => name.endsWith('.yaml'));

  it.each(files)('%s is accepted as it is', async (file) => {
    const args = ['create', '--dry-run=server', '--validate=strict', '-f', join(directory, file)];
    expect(await kubectl(controlPlane.kubeconfigPath, args)).toContain('created');
  });
});

describe('spec.dataPrivacy.agreed', () => {
  it('can be set to false later, to withdraw the agreement', async () => {
    const example = examples.find(({ title }) => title.startsWith('connection-agreed-on-create'));
    const path = collectionOf('CriteoConnection');
    const created = await server.call(path, { method: 'POST', body: example?.object });
    expect(created.status).toBe(201);
    const withdrawn = await server.call(`${path}/nordic`, {
      method: 'PATCH',
      contentType: 'application/merge-patch+json',
      body: { spec: { dataPrivacy: { agreed: false } } },
    });
    expect(withdrawn.status).toBe(200);
    expect(withdrawn.body.spec).toMatchObject({ dataPrivacy: { agreed: false } });
  });
});

function saysIt(text: string, refusal: string): boolean {
  const separator = refusal.indexOf(': ');
  if (separator < 0) return text.includes(refusal);
  const field = refusal.slice(0, separator);
  return text.startsWith(`${field}: `) && text.includes(refusal.slice(separator + 2));
}

function validateLocally({ object }: Example): ReturnType<typeof validateConnection | typeof validateExport> {
  const validate = object.kind === 'CriteoConnection' ? validateConnection : validateExport;
  return validate(object, { unknownFields: 'refuse' });
}

function rulesOf(node: Schema): string[] {
  const children = [...Object.values(node.properties ?? {}), node.items, node.additionalProperties];
  const own = (node['x-kubernetes-validations'] ?? []).map((rule) => rule.message ?? rule.rule);
  return [...own, ...children.flatMap((child) => (child ? rulesOf(child) : []))];
}
