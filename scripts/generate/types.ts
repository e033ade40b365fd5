import { compile } from 'json-schema-to-typescript';
import { type Crd, nodeAt, type Schema, schemaOf } from './crd.ts';

/** Types that get a name of their own, by the path of the (first) field that has them. */
export type TypeNames = Readonly<Record<string, string>>;

/** Who has the object: `reader` one of the API server, with every default filled in; `writer` one that is yet to be sent. */
type Side = 'reader' | 'writer';

const style = { singleQuote: true, printWidth: 110, semi: true } as const;

/** One exported interface for a schema. Fields whose path is in `names` refer to the type of that name. */
async function compileType(
  root: Schema,
  path: string,
  name: string,
  names: TypeNames,
  side: Side = 'reader',
): Promise<string> {
  const node = path === '' ? root : nodeAt(root, path);
  const schema = typeSchema(node, path, names, side);
  const source = await compile({ ...schema, title: name }, name, {
    bannerComment: '',
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    style,
  });
  return source.trim();
}

// json-schema-to-typescript takes `tsType` as the type of a node, whatever else the node says.
function typeSchema(node: Schema, path: string, names: TypeNames, side: Side): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  if (node.type) result.type = node.type;
  if (node.description) result.description = node.description;
  if (node.enum) result.enum = node.enum;
  if (node['x-kubernetes-int-or-string']) result.tsType = 'number | string';
  if (node.items) result.items = childSchema(node.items, `${path}[]`, names, side);
  if (node.additionalProperties) {
    result.additionalProperties = childSchema(node.additionalProperties, `${path}{}`, names, side);
  }
  if (node.properties) {
    const children = Object.entries(node.properties);
    result.properties = Object.fromEntries(
      children.map(([key, child]) => [
        key,
        childSchema(child, path === '' ? key : `${path}.${key}`, names, side),
      ]),
    );
    result.required = children
      .filter(
        ([key, child]) => node.required?.includes(key) || (side === 'reader' && isFilledIn(child, path)),
      )
      .map(([key]) => key);
  }
  return result;
}

/** The API server fills in defaults, so that a reader of a spec always finds such a field. */
function isFilledIn(node: Schema, parentPath: string): boolean {
  return node.default !== undefined && parentPath !== '';
}

function childSchema(node: Schema, path: string, names: TypeNames, side: Side): Record<string, unknown> {
  const name = names[path];
  const schema = typeSchema(node, path, names, side);
  return name ? { description: schema.description, tsType: name } : schema;
}

/** A module with the kind's interface and its named parts. `imports` are names of api/generated/common.ts. */
export async function kindModule(
  crd: Crd,
  names: TypeNames,
  imports: readonly string[],
  banner: string,
): Promise<string> {
  const { kind } = crd.spec.names;
  const { group, versions } = crd.spec;
  const root = schemaOf(crd);
  const top: TypeNames = {
    ...names,
    apiVersion: `'${group}/${versions[0]?.name}'`,
    kind: `'${kind}'`,
    metadata: 'ObjectMeta',
  };
  const whole: Schema = { ...root, required: ['apiVersion', 'kind', 'metadata', ...(root.required ?? [])] };
  const parts = [await compileType(whole, '', kind, top)];
  const done = new Set(imports);
  for (const [path, name] of Object.entries(names)) {
    if (done.has(name)) continue;
    done.add(name);
    parts.push(await compileType(root, path, name, names));
  }
  const list = imports.join(', ');
  return `${banner}\nimport type { ${list} } from './common.ts';\n\nexport type { ${list} };\n\n${parts.join('\n\n')}\n`;
}

/** The module with the specs as they are written: what has a default may be left out. */
export async function writtenModule(crds: readonly Crd[], banner: string): Promise<string> {
  const parts = crds.map((crd) =>
    compileType(schemaOf(crd), 'spec', `Written${crd.spec.names.kind}Spec`, {}, 'writer'),
  );
  return `${banner}\n${(await Promise.all(parts)).join('\n\n')}\n`;
}

/** The module with what both kinds have. */
export async function commonModule(crd: Crd, banner: string): Promise<string> {
  const condition = await compileType(schemaOf(crd), 'status.conditions[]', 'Condition', {});
  return `${banner}\n${objectMeta}\n${condition}\n`;
}

const objectMeta = `/** Standard object metadata, as far as this project reads it. Times are RFC 3339. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: {
    apiVersion: string;
    kind: string;
    name: string;
    uid: string;
    controller?: boolean;
    blockOwnerDeletion?: boolean;
  }[];
  [field: string]: unknown;
}
`;
