import { describe, expect, it } from 'vitest';
import { simplePattern } from '../../api/validation/schema.ts';
import { crdFiles, nodeAt, readCrd, type Schema, schemaOf } from './crd.ts';
import { generatedFiles, staleFiles } from './files.ts';

const kinds = crdFiles.map((file) => readCrd(file));

interface Field {
  path: string;
  node: Schema;
}

/** Every field of a schema, items of lists and values of maps included. */
function fieldsOf(node: Schema, path: string): Field[] {
  const children: Field[] = Object.entries(node.properties ?? {}).map(([name, child]) => ({
    path: path === '' ? name : `${path}.${name}`,
    node: child,
  }));
  if (node.items) children.push({ path: `${path}[]`, node: node.items });
  if (node.additionalProperties) children.push({ path: `${path}{}`, node: node.additionalProperties });
  return children.flatMap((child) => [child, ...fieldsOf(child.node, child.path)]);
}

/** Paths of the fields for which `wrong` holds. The API server allows nothing but a type for metadata. */
function pathsWhere(fields: readonly Field[], wrong: (node: Schema) => boolean): string[] {
  return fields.filter(({ path, node }) => path !== 'metadata' && wrong(node)).map(({ path }) => path);
}

describe.each(kinds.map((crd) => [crd.spec.names.kind, crd] as const))('%s', (_, crd) => {
  const fields = fieldsOf(schemaOf(crd), '');
  const scalars = fields.filter(
    ({ path, node }) => path.startsWith('spec.') && !node.properties && !node.items,
  );

  it('describes every field', () => {
    expect(
      pathsWhere(
        fields,
        (node) => !node.description?.endsWith('.') && !/Example: .+$/.test(node.description ?? ''),
      ),
    ).toEqual([]);
  });

  it('gives an example of every value that a person writes', () => {
    const single = scalars.filter(({ path }) => !path.endsWith('{}') && !path.endsWith('accessModes[]'));
    expect(pathsWhere(single, (node) => !node.description?.includes('Example: '))).toEqual([]);
  });

  it('names every default in the description', () => {
    const named = ({ default: value, description = '' }: Schema): boolean =>
      value === undefined ||
      typeof value === 'object' ||
      new RegExp(`Default: "?${value}\\b`).test(description);
    expect(pathsWhere(fields, (node) => !named(node))).toEqual([]);
  });

  it('bounds every string, number, list and map', () => {
    const bounded = (node: Schema): boolean => {
      if (node['x-kubernetes-int-or-string']) return node.maxLength !== undefined;
      if (node.type === 'string')
        return node.maxLength !== undefined || node.format?.startsWith('date') === true;
      if (node.type === 'integer') return node.minimum !== undefined && node.maximum !== undefined;
      if (node.type === 'array') return node.maxItems !== undefined;
      return !node.additionalProperties || node.maxProperties !== undefined;
    };
    expect(pathsWhere(fields, (node) => !bounded(node))).toEqual([]);
  });

  it('says how each list is merged by a server-side apply', () => {
    const merged = (node: Schema): boolean =>
      node.type !== 'array' || node['x-kubernetes-list-type'] !== undefined;
    expect(pathsWhere(fields, (node) => !merged(node))).toEqual([]);
  });

  it('has a message for every rule', () => {
    const rules = [schemaOf(crd), ...fields.map(({ node }) => node)].flatMap(
      (node) => node['x-kubernetes-validations'] ?? [],
    );
    expect(rules.length).toBeGreaterThan(5);
    expect(rules.filter(({ message }) => !message)).toEqual([]);
  });

  it('has only patterns that JavaScript reads too, so that api/validate.ts evaluates them', () => {
    const rules = fields
      .flatMap(({ node }) => node['x-kubernetes-validations'] ?? [])
      .map(({ rule }) => rule);
    const patterns = rules.filter((rule) => /^!?self\.matches\(/.test(rule));
    expect(patterns.length).toBeGreaterThan(3);
    expect(patterns.filter((rule) => !simplePattern(rule))).toEqual([]);
  });

  it('gives a new object the status observedGeneration -1', () => {
    expect(nodeAt(schemaOf(crd), 'status').default).toEqual({ observedGeneration: -1 });
  });

  it('shows Ready, Status and Age', () => {
    const columns = crd.spec.versions[0]?.additionalPrinterColumns ?? [];
    const narrow = columns.filter(({ priority = 0 }) => priority === 0).map(({ name }) => name);
    expect(narrow).toEqual(expect.arrayContaining(['Ready', 'Status', 'Age']));
  });
});

describe('the connection', () => {
  it('says what agreeing permits, who answers for it, and that a segment reaches nobody by itself', () => {
    const [connection] = kinds;
    const text = connection ? schemaOf(connection).description : undefined;
    expect(text).toContain(
      "permits personal data (hashes of e-mail addresses) to leave the cluster's compliance boundary for Criteo",
    );
    expect(text).toContain('you must make sure that Criteo meets your privacy and security obligations');
    expect(text).toContain('A segment at Criteo reaches nobody until an audience uses it.');
  });
});

describe('generated files', () => {
  it('are the same each time', async () => {
    expect(await generatedFiles()).toEqual(await generatedFiles());
  });

  it('are stale where a text differs or a file is missing', () => {
    const files = new Map([
      ['same', 'a'],
      ['changed', 'b'],
      ['missing', 'c'],
    ]);
    const onDisk: Record<string, string> = { same: 'a', changed: 'old' };
    const read = (name: string): string => {
      const text = onDisk[name];
      if (text === undefined) throw new Error('no such file');
      return text;
    };
    expect(staleFiles(files, read)).toEqual(['changed', 'missing']);
  });
});
