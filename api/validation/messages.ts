import type { ErrorObject } from 'ajv';

/** One fault of an object. */
export interface FieldError {
  /** Path of the field, as Kubernetes writes it: `spec.segments[0].name`. */
  field: string;
  /** What was wrong, and what would be right. */
  message: string;
}

/** An error of ajv (compiled with `verbose`) in words; of a secret object without a word of its values. */
export function toFieldError(error: ErrorObject, secret = false): FieldError {
  const parent = pathOf(error.instancePath);
  const { params } = error;
  switch (error.keyword) {
    case 'required':
      return { field: fieldPath(parent, params.missingProperty), message: 'is missing, but required' };
    case 'additionalProperties':
      return {
        field: fieldPath(parent, params.additionalProperty),
        message: `is not a field; the fields here are ${knownFields(error)}`,
      };
    default:
      return { field: parent, message: messageOf(error, secret ? () => 'another value' : shown) };
  }
}

function messageOf(
  { keyword, params, data, message }: ErrorObject,
  shown: (data: unknown) => string,
): string {
  switch (keyword) {
    case 'type':
      return `must be ${typeNames(params.type)}, but is ${kindOf(data)}${quotesHint(params.type, data)}`;
    case 'enum':
      return `must be one of ${params.allowedValues.join(', ')}, but is ${shown(data)}`;
    case 'const':
      return `must be ${params.allowedValue}, but is ${shown(data)}`;
    case 'minLength':
      return `must have at least ${counted(params.limit, 'character')}, but has ${[...String(data)].length}`;
    case 'maxLength':
      return `must have at most ${counted(params.limit, 'character')}, but has ${[...String(data)].length}`;
    case 'minimum':
      return `must be at least ${params.limit}, but is ${shown(data)}`;
    case 'maximum':
      return `must be at most ${params.limit}, but is ${shown(data)}`;
    case 'minItems':
      return `must have at least ${counted(params.limit, 'item')}, but has ${sizeOf(data)}`;
    case 'maxItems':
      return `must have at most ${counted(params.limit, 'item')}, but has ${sizeOf(data)}`;
    case 'minProperties':
      return `must have at least ${counted(params.limit, 'entry')}, but has ${sizeOf(data)}`;
    case 'maxProperties':
      return `must have at most ${counted(params.limit, 'entry')}, but has ${sizeOf(data)}`;
    case 'uniqueItems':
      return `must have each item once, but items ${params.j} and ${params.i} are the same`;
    case 'format':
      return `must be ${formatNames[params.format] ?? params.format}, but is ${shown(data)}`;
    case 'x-kubernetes-validations':
      // Without the value: a URL that is refused for its user info holds a password.
      return message ?? 'breaks a rule';
    default:
      return message ?? 'is not valid';
  }
}

const formatNames: Record<string, string> = {
  date: 'a day as YYYY-MM-DD, such as "2026-11-22"',
  'date-time': 'a time of RFC 3339, such as "2026-11-22T04:00:00Z"',
  int32: 'an integer of 32 bits',
  int64: 'an integer of 64 bits',
};

/** `/spec/segments/0/name` becomes `spec.segments[0].name`. */
function pathOf(pointer: string): string {
  const steps = pointer.split('/').slice(1);
  return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~')).reduce(fieldPath, '');
}

/** The path of a field or an item of what lies at `parent`; that of the whole object is ''. */
export function fieldPath(parent: string, step: string): string {
  if (/^\d+$/.test(step)) return `${parent}[${step}]`;
  if (!/^[A-Za-z0-9_-]+$/.test(step)) return `${parent}["${step}"]`;
  return parent === '' ? step : `${parent}.${step}`;
}

function knownFields({ parentSchema }: ErrorObject): string {
  return Object.keys(parentSchema?.properties ?? {}).join(', ');
}

const article = (type: string): string => `${/^[aio]/.test(type) ? 'an' : 'a'} ${type}`;

function typeNames(types: string | string[]): string {
  return [types].flat().map(article).join(' or ').replaceAll('an array', 'a list');
}

function kindOf(data: unknown): string {
  if (data === null) return 'null';
  return Array.isArray(data) ? 'a list' : article(typeof data);
}

function quotesHint(types: string | string[], data: unknown): string {
  const wantsText = types === 'string' && ['number', 'boolean'].includes(typeof data);
  return wantsText ? ': put it in quotes' : '';
}

/** A value short enough for a message. */
function shown(data: unknown): string {
  const text = JSON.stringify(data) ?? String(data);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun.replace(/y$/, 'ie')}s`;
}

function sizeOf(data: unknown): number {
  return typeof data === 'object' && data !== null ? Object.keys(data).length : 0;
}
