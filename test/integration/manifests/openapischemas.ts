import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crdFiles, readCrd, type Schema, schemaOf } from '../../../scripts/generate/crd.ts';
import type { ApiServer } from '../../support/apiserver.ts';

type Node = Record<string, unknown>;

interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

const definition = '#/definitions/';

/**
 * Writes a JSON schema for each kind that the API server serves, from its own OpenAPI document, and for ours from
 * crds/, as `<kind>-<group>-<version>.json`. Each refuses fields that it does not name.
 */
export async function writeSchemas(server: ApiServer, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const { body } = await server.call('/openapi/v2');
  const definitions = body.definitions as Record<string, Node>;
  for (const [name, node] of Object.entries(definitions)) {
    for (const kind of (node['x-kubernetes-group-version-kind'] ?? []) as GroupVersionKind[]) {
      // Options and lists of all versions belong to hundreds of kinds, and stand in no manifest.
      if (/Options$|^WatchEvent$|^Status$/.test(kind.kind)) continue;
      const used = Object.fromEntries(
        reachable(name, definitions).map((used) => [used, strict(definitions[used] ?? {}, used)]),
      );
      await writeFile(
        join(directory, fileName(kind)),
        JSON.stringify({ $ref: definition + name, definitions: used }),
      );
    }
  }
  for (const file of crdFiles) {
    const crd = readCrd(file);
    const kind = {
      group: crd.spec.group,
      version: crd.spec.versions[0]?.name ?? '',
      kind: crd.spec.names.kind,
    };
    await writeFile(join(directory, fileName(kind)), JSON.stringify(ours(schemaOf(crd))));
  }
}

/** What kubeconform puts the names of kinds into, in lower case. */
export const schemaLocation = '{{ .ResourceKind }}-{{ .Group }}-{{ .ResourceAPIVersion }}.json';

function fileName({ group, version, kind }: GroupVersionKind): string {
  // Where a group has no name, kubeconform takes the version for it.
  return `${kind.toLowerCase()}-${group || version}-${version}.json`;
}

function reachable(
  name: string,
  definitions: Readonly<Record<string, Node>>,
  found = new Set<string>(),
): string[] {
  if (found.has(name)) return [];
  found.add(name);
  for (const reference of JSON.stringify(definitions[name]).matchAll(/"#\/definitions\/([^"]+)"/g)) {
    reachable(reference[1] ?? '', definitions, found);
  }
  return [...found];
}

/** The schema of OpenAPI as one of JSON: closed, and with what Kubernetes writes down by other names. */
function strict(node: Node, name: string): Node {
  // A quantity may be a number in a manifest; a field of JSON is anything.
  if (name.endsWith('.Quantity')) return { type: ['string', 'number'] };
  if (
    name.endsWith('.JSONSchemaPropsOrArray') ||
    name.endsWith('.JSONSchemaPropsOrBool') ||
    name.endsWith('.JSON')
  )
    return {};
  if (name.endsWith('.IntOrString')) return { type: ['string', 'integer'] };
  return closed(node);
}

function closed(node: Node): Node {
  const { properties, items, additionalProperties, ...rest } = node;
  const result: Node = { ...rest };
  // Kubernetes' own formats are no formats of JSON schema.
  if (result.format === 'int-or-string')
    Object.assign(result, { type: ['string', 'integer'], format: undefined });
  if (properties !== undefined) {
    const children = Object.entries(properties as Record<string, Node>);
    result.properties = Object.fromEntries(children.map(([name, child]) => [name, closed(child)]));
    if (node['x-kubernetes-preserve-unknown-fields'] !== true) result.additionalProperties = false;
  }
  if (items !== undefined) result.items = closed(items as Node);
  if (additionalProperties !== undefined) result.additionalProperties = closed(additionalProperties as Node);
  return result;
}

function ours(schema: Schema): Node {
  const metadata = {
    type: 'object',
    properties: { name: { type: 'string' }, namespace: { type: 'string' }, labels: {}, annotations: {} },
  };
  const whole = { ...schema, properties: { ...schema.properties, metadata } };
  return closed(withQuantities(whole) as Node);
}

function withQuantities(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withQuantities);
  if (typeof node !== 'object' || node === null) return node;
  const copy = Object.fromEntries(Object.entries(node).map(([name, child]) => [name, withQuantities(child)]));
  return copy['x-kubernetes-int-or-string'] === true ? { ...copy, type: ['string', 'integer'] } : copy;
}
