/** What is read of a Pulumi.yaml. */
export interface Project {
  name: string;
  main: string;
  runtime: { name: string; options: { typescript: boolean; nodeargs?: string } };
  config: Record<string, Declaration | Setting>;
}

/** Of a key of a provider, such as `kubernetes:enableSecretMutable`: it has a value, and neither type nor default. */
export interface Setting {
  value: unknown;
}

export interface Declaration {
  type: 'string' | 'integer' | 'boolean' | 'array';
  items?: { type: string };
  description: string;
  default?: unknown;
}

/** Of a Pulumi.<stack>.yaml, or set by hand. */
export type StackConfiguration = Readonly<Record<string, unknown>>;

/** By full key, such as `project:image`; lists as JSON. */
export type Configuration = Record<string, string>;

/**
 * What a program is given by Pulumi's CLI (sdk/go/common/workspace/config.go of pulumi/pulumi): the stack's values,
 * else the project's defaults, checked against the declared types.
 *
 * @throws Error with the CLI's words
 */
export function configurationOf(project: Project, stack: string, values: StackConfiguration): Configuration {
  const full = (key: string): string => (key.includes(':') ? key : `${project.name}:${key}`);
  const given = new Map(Object.entries(values).map(([key, value]) => [full(key), value]));
  const missing: string[] = [];
  for (const [key, declaration] of Object.entries(project.config)) {
    if ('value' in declaration) {
      given.set(full(key), given.get(full(key)) ?? declaration.value);
      continue;
    }
    const value = given.get(full(key)) ?? declaration.default;
    if (value === undefined) missing.push(key);
    else if (!isOfType(declaration, value)) {
      const type = declaration.type === 'array' ? `array<${declaration.items?.type}>` : declaration.type;
      throw new Error(`Stack '${stack}' with configuration key '${key}' must be of type '${type}'`);
    } else given.set(full(key), value);
  }
  if (missing.length > 0) {
    throw new Error(`Stack '${stack}' is missing configuration value '${missing.sort().join("', '")}'`);
  }
  return Object.fromEntries([...given].map(([key, value]) => [key, asText(value)]));
}

function isOfType({ type, items }: { type: string; items?: { type: string } }, value: unknown): boolean {
  switch (type) {
    case 'array':
      return Array.isArray(value) && value.every((item) => isOfType(items ?? { type: 'string' }, item));
    case 'integer':
      // A value of a stack's file is text to the CLI; one that reads as a number is one.
      return Number.isInteger(typeof value === 'string' ? Number(value) : value);
    case 'boolean':
      return ['true', 'false'].includes(String(value));
    default:
      return typeof value !== 'object';
  }
}

function asText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
