import type { Ajv, AnySchemaObject } from 'ajv';
import { parseTime } from '../time.ts';

/**
 * What an openAPIV3Schema of Kubernetes has beyond JSON schema, put into terms
 * of ajv. `closed` refuses fields that the schema does not name.
 */
export function ajvSchema(node: AnySchemaObject, closed: boolean): AnySchemaObject {
  const result: AnySchemaObject = { ...node };
  if (node['x-kubernetes-int-or-string']) result.type = ['integer', 'string'];
  if (node['x-kubernetes-list-type'] === 'set') result.uniqueItems = true;
  if (node.items) result.items = ajvSchema(node.items, closed);
  if (node.properties) {
    result.properties = Object.fromEntries(
      Object.entries<AnySchemaObject>(node.properties).map(([key, child]) => [key, ajvSchema(child, closed)]),
    );
    if (closed) result.additionalProperties = false;
  } else if (node.additionalProperties) {
    result.additionalProperties = ajvSchema(node.additionalProperties, closed);
  }
  return result;
}

/** Adds the keywords and formats that the schemas use. */
export function addKubernetes(ajv: Ajv): void {
  ajv.addVocabulary([
    'x-kubernetes-int-or-string',
    'x-kubernetes-list-type',
    'x-kubernetes-map-type',
    'x-kubernetes-preserve-unknown-fields',
  ]);
  ajv.addKeyword({ keyword: 'x-kubernetes-list-map-keys', type: 'array', compile: uniqueKeys });
  ajv.addKeyword({ keyword: 'x-kubernetes-validations', compile: simpleRules });
  ajv.addFormat('int32', { type: 'number', validate: (value) => Math.abs(value) <= 2 ** 31 });
  ajv.addFormat('int64', { type: 'number', validate: (value) => Math.abs(value) <= 2 ** 63 });
  ajv.addFormat('date', isDate);
  ajv.addFormat('date-time', (text) => isDate(text.slice(0, 10)) && parseTime(text) !== undefined);
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  // Date.parse takes 2026-02-30 for the second of March.
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** A check that ajv calls; it leaves the messages of what is wrong in `errors`. */
interface Check {
  (data: unknown): boolean;
  errors?: { keyword: string; message: string }[];
}

function uniqueKeys(keys: readonly string[]): Check {
  const check: Check = (data) => {
    const items = Array.isArray(data) ? data : [];
    const seen = new Set<string>();
    const again = items.findIndex((item) => {
      const identity = JSON.stringify(keys.map((key) => item?.[key]));
      return seen.size === seen.add(identity).size;
    });
    if (again < 0) return true;
    const names = keys.join(' and ');
    const message = `has the ${names} of item ${again} twice: give each item another ${names}`;
    check.errors = [{ keyword: 'x-kubernetes-list-map-keys', message }];
    return false;
  };
  return check;
}

/** The pattern of a rule that is nothing but a match; `not` where it must not match. */
export function simplePattern(rule: string): { pattern: RegExp; not: boolean } | undefined {
  const match = /^(!?)self\.matches\((r?)'([^']*)'\)$/.exec(rule);
  const [, not, raw, pattern] = match ?? [];
  if (pattern === undefined || (!raw && pattern.includes('\\'))) return undefined;
  return { pattern: new RegExp(asJavaScript(pattern), 'u'), not: not === '!' };
}

/** The API server's \s is these five alone; JavaScript's is every space of Unicode. It stands in a class wherever we use it. */
function asJavaScript(pattern: string): string {
  return pattern.replaceAll('\\s', String.raw`\t\n\f\r `);
}

function simpleRules(rules: readonly { rule: string; message: string }[]): Check {
  const simple = rules.flatMap(({ rule, message }) => {
    const pattern = simplePattern(rule);
    return pattern ? [{ ...pattern, message }] : [];
  });
  const check: Check = (data) => {
    if (typeof data !== 'string') return true;
    const broken = simple.filter(({ pattern, not }) => pattern.test(data) === not);
    if (broken.length === 0) return true;
    check.errors = broken.map(({ message }) => ({ keyword: 'x-kubernetes-validations', message }));
    return false;
  };
  return check;
}
