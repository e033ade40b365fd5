import * as pulumi from '@pulumi/pulumi';
import { type FieldError, fieldPath } from '../api/validation/messages.ts';
import { simplePattern } from '../api/validation/schema.ts';
import { celEnvironment, inKubernetesWords } from './celenvironment.ts';

/** What is read here of a schema. */
export interface RuledSchema {
  type?: string;
  'x-kubernetes-int-or-string'?: boolean;
  properties?: Readonly<Record<string, RuledSchema>>;
  additionalProperties?: RuledSchema;
  items?: RuledSchema;
  'x-kubernetes-validations'?: readonly Rule[];
}

interface Rule {
  rule: string;
  message: string;
  /** The field that the message is about, from the one that has the rule: `.source.file`. */
  fieldPath?: string;
}

/**
 * The CEL rules that a value of a schema breaks, its defaults filled in: those that validateConnection and validateExport
 * leave to the API server. Rules that compare with the object of before say nothing of one that may be new, and a rule
 * whose answer depends on what is not known yet breaks nothing.
 */
export function brokenRules(schema: RuledSchema, value: unknown, path = ''): FieldError[] {
  const rules = schema['x-kubernetes-validations'] ?? [];
  const own = rules
    .filter(({ rule }) => !rule.includes('oldSelf') && !simplePattern(rule))
    .filter(({ rule }) => !holds(rule, celValue(schema, value)))
    .map((rule) => ({ field: `${path}${rule.fieldPath ?? ''}`, message: rule.message }));
  const inner = childrenOf(schema, value).flatMap(([key, child, part]) =>
    brokenRules(child, part, fieldPath(path, key)),
  );
  return [...own, ...inner];
}

/** The rules that were read; a rule of an item is asked for each of them. */
const programs = new Map<string, ReturnType<typeof celEnvironment.parse>>();

function programOf(rule: string): ReturnType<typeof celEnvironment.parse> {
  const known = programs.get(rule);
  if (known) return known;
  const program = celEnvironment.parse(inKubernetesWords(rule));
  programs.set(rule, program);
  return program;
}

function holds(rule: string, self: unknown): boolean {
  const program = programOf(rule);
  try {
    return program(placed({}, [['self', self]])) === true;
  } catch (error) {
    // As the API server does it: what cannot be evaluated, a time zone that nobody knows for one, is refused.
    return error instanceof NotKnown;
  }
}

class NotKnown extends Error {}

/**
 * An object or a list with these parts. Whoever reads one that is not known fails: so CEL itself tells whether a rule's
 * answer depends on it, as `a || b` does not where a is true.
 */
function placed<Parts extends object>(parts: Parts, entries: readonly (readonly [string, unknown])[]): Parts {
  for (const [key, part] of entries) {
    const get = (): unknown => {
      if (pulumi.isUnknown(part)) throw new NotKnown();
      return part;
    };
    Object.defineProperty(parts, key, { enumerable: true, get });
  }
  return parts;
}

/** Name or index, schema and value of each part that has a schema. */
function childrenOf(schema: RuledSchema, value: unknown): [string, RuledSchema, unknown][] {
  if (typeof value !== 'object' || value === null || pulumi.isUnknown(value)) return [];
  return Object.entries(value).flatMap(([key, part]): [string, RuledSchema, unknown][] => {
    const child = Array.isArray(value) ? schema.items : fieldSchema(schema, key);
    return child ? [[key, child, part]] : [];
  });
}

function fieldSchema(
  { properties = {}, additionalProperties }: RuledSchema,
  key: string,
): RuledSchema | undefined {
  return Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
}

/** A value as rules see it: whole numbers are no floating ones, and a name is one that CEL can write. */
function celValue(schema: RuledSchema, value: unknown): unknown {
  const isWhole = schema.type === 'integer' || schema['x-kubernetes-int-or-string'];
  if (typeof value === 'number' && isWhole) return BigInt(value);
  if (typeof value !== 'object' || value === null || pulumi.isUnknown(value)) return value;
  const parts = childrenOf(schema, value).map(([key, child, part]) => [key, celValue(child, part)] as const);
  if (Array.isArray(value)) return placed([], parts);
  if (schema.properties)
    return placed(
      {},
      parts.map(([key, part]) => [key.replaceAll('-', '__dash__'), part]),
    );
  // A label may have any name, that of a property of every object too.
  return parts.find(([, part]) => pulumi.isUnknown(part))?.[1] ?? new Map(parts);
}
