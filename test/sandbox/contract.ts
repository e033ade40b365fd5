import { readFileSync } from 'node:fs';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { mapSchemas, type Schema, toJsonSchema } from './schema.ts';

/** One operation of the published contract, without its version. */
export type Operation = {
  id: string;
  method: string;
  /** The path behind the version, such as `/advertisers/me`. */
  template: string;
  pattern: RegExp;
  /** The scope that the token needs; undefined where any token will do. */
  permission: string | undefined;
  parameters: Parameter[];
  request: () => ValidateFunction | undefined;
  reply: () => ValidateFunction;
};

type Parameter = { name: string; in: string; required?: boolean; schema: Schema };
type Content = { content?: { 'application/json'?: { schema?: Schema } } };
type RawOperation = {
  operationId: string;
  parameters?: Parameter[];
  requestBody?: Content;
  responses: Record<string, Content>;
  security?: { oauth?: string[] }[];
};
type Document = {
  info: { version: string };
  paths: Record<string, Record<string, unknown>>;
  components: { schemas: Record<string, Schema> };
};

const file = new URL('./contract/criteo-marketing-solutions-2026-07.audience.openapi.json', import.meta.url);
const document = JSON.parse(readFileSync(file, 'utf8')) as Document;
const methods = ['get', 'put', 'post', 'patch', 'delete'];

// Criteo writes seven fraction digits, which RFC 3339 allows and many checkers do not.
const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

function validator(closed: 'named' | 'all'): Ajv {
  const ajv = new Ajv({ strict: false });
  ajv.addFormat('int32', {
    type: 'number',
    validate: (n) => Number.isInteger(n) && Math.abs(n) <= 2 ** 31 - 1,
  });
  ajv.addFormat('int64', { type: 'number', validate: Number.isSafeInteger });
  ajv.addFormat('double', { type: 'number', validate: Number.isFinite });
  ajv.addFormat('date-time', dateTime);
  ajv.addSchema({
    $id: 'contract',
    components: { schemas: mapSchemas(document.components.schemas, closed) },
  });
  return ajv;
}

const requests = validator('all');
const replies = validator('named');

function compile(
  ajv: Ajv,
  content: Content | undefined,
  closed: 'named' | 'all',
): ValidateFunction | undefined {
  const schema = content?.content?.['application/json']?.schema;
  if (schema === undefined) return undefined;
  if (typeof schema.$ref === 'string') return ajv.compile({ $ref: `contract${schema.$ref}` });
  return ajv.compile(toJsonSchema(schema, closed));
}

// Compiled at first use: all of it takes most of a second, and a test needs two or three operations.
function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function pathPattern(template: string): RegExp {
  return new RegExp(`^${template.replace(/\{([^}]+)\}/g, '(?<id>[^/]+)')}$`);
}

function readOperations(): Operation[] {
  const found: Operation[] = [];
  for (const [path, item] of Object.entries(document.paths)) {
    const template = path.replace(`/${document.info.version}`, '');
    for (const method of methods) {
      const raw = item[method] as RawOperation | undefined;
      if (raw === undefined) continue;
      const shared = (item.parameters ?? []) as Parameter[];
      found.push({
        id: raw.operationId,
        method: method.toUpperCase(),
        template,
        pattern: pathPattern(template),
        permission: raw.security?.[0]?.oauth?.[0],
        parameters: [...shared, ...(raw.parameters ?? [])],
        request: once(() => compile(requests, raw.requestBody, 'all')),
        reply: once(() => compile(replies, raw.responses['200'], 'named') ?? replies.compile({})),
      });
    }
  }
  return found;
}

const operations = readOperations();

/** The contract says nothing of replies other than 200; its problem schema is what the documents show in them. */
const failureReply = once(() =>
  replies.compile({
    type: 'object',
    additionalProperties: false,
    required: ['errors', 'warnings'],
    properties: {
      errors: { type: 'array', minItems: 1, items: { $ref: 'contract#/components/schemas/CommonProblem' } },
      warnings: { type: 'array', items: { $ref: 'contract#/components/schemas/CommonProblem' } },
    },
  }),
);

/** `path` is without the version. */
export function findOperation(method: string, path: string): Operation | undefined {
  return operations.find((operation) => operation.method === method && operation.pattern.test(path));
}

// Names fields, never values: a value here may be somebody's address.
function explain(errors: ErrorObject[] | null | undefined): string {
  const first = errors?.[0];
  if (first === undefined) return 'does not match the contract';
  const field = first.params.additionalProperty ?? first.params.missingProperty;
  const at = first.instancePath === '' ? 'the body' : first.instancePath;
  const allowed = first.params.allowedValues;
  const values = Array.isArray(allowed) ? `: ${allowed.join(', ')}` : '';
  return `${at} ${first.message}${values}${typeof field === 'string' ? ` (${field})` : ''}`;
}

/** What of the request's body breaks the contract, or undefined. */
export function bodyViolation(operation: Operation, body: unknown): string | undefined {
  const check = operation.request();
  if (check === undefined) return body === undefined ? undefined : 'this operation takes no body';
  if (body === undefined) return 'this operation needs a JSON body';
  return check(body) ? undefined : explain(check.errors);
}

function integerViolation(name: string, text: string, schema: Schema): string | undefined {
  const { minimum = 0, maximum = 2 ** 31 - 1 } = schema as { minimum?: number; maximum?: number };
  const inRange = /^\d{1,10}$/.test(text) && Number(text) >= minimum && Number(text) <= maximum;
  return inRange ? undefined : `${name} must be an integer from ${minimum} to ${maximum}`;
}

/** What of the path's id or the query breaks the contract, or undefined. */
export function parameterViolation(
  operation: Operation,
  id: string | undefined,
  query: URLSearchParams,
): string | undefined {
  const known = operation.parameters.filter((parameter) => parameter.in === 'query');
  for (const name of query.keys()) {
    if (!known.some((parameter) => parameter.name === name))
      return `the query parameter ${name} is not in the contract`;
  }
  for (const { name, in: place, required, schema } of operation.parameters) {
    const text = place === 'path' ? id : (query.get(name) ?? undefined);
    if (text === undefined) {
      if (required) return `the parameter ${name} is missing`;
    } else if (schema.format === 'int32') {
      const violation = integerViolation(name, text, schema);
      if (violation !== undefined) return violation;
    }
  }
  return undefined;
}

/** What of the sandbox's own reply breaks the contract, or undefined. */
export function replyViolation(
  operation: Operation | undefined,
  status: number,
  body: unknown,
): string | undefined {
  const check = status === 200 && operation !== undefined ? operation.reply() : failureReply();
  return check(body) ? undefined : explain(check.errors);
}
