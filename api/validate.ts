import { Ajv, type AnySchemaObject, type ValidateFunction } from 'ajv';
import type { CriteoConnection } from './generated/criteoconnection.ts';
import type { CriteoSegmentExport } from './generated/criteosegmentexport.ts';
import { criteoConnectionSchema, criteoSegmentExportSchema } from './generated/schemas.ts';
import { apiVersion } from './names.ts';
import { deepField } from './validation/depth.ts';
import { type FieldError, toFieldError } from './validation/messages.ts';
import { dropNulls } from './validation/nulls.ts';
import { addKubernetes, ajvSchema } from './validation/schema.ts';

export type { FieldError };

/** A valid object with its defaults filled in, or all that is wrong with it. */
export type Validated<T> = { ok: true; value: T } | { ok: false; errors: FieldError[] };

export interface ValidateOptions {
  /**
   * `refuse` for files that a person writes, where an unknown field is a slip
   * of the pen. `ignore` (default) for objects of the API server, which a newer
   * release may have given fields that this one does not know.
   */
  unknownFields?: 'refuse' | 'ignore';
  /** True where the object holds a secret: messages then tell none of its values. Default: false. */
  secret?: boolean;
  /**
   * Whether a field is known: of one that is not, nothing is wrong. For a preview, which has null or nothing in the
   * place of such fields, so that what is returned as valid may lack them. Default: each is.
   */
  isKnown?: (field: string) => boolean;
}

/**
 * Checks a CriteoConnection by the schema of its CRD. Of the CEL rules only
 * those that match a text against a pattern are evaluated: the API server is
 * the authority on the others. The given object is not changed.
 */
export function validateConnection(
  object: unknown,
  options: ValidateOptions = {},
): Validated<CriteoConnection> {
  return check(connection, object, options);
}

/** Checks a CriteoSegmentExport by the schema of its CRD, as `validateConnection` does. */
export function validateExport(
  object: unknown,
  options: ValidateOptions = {},
): Validated<CriteoSegmentExport> {
  return check(segmentExport, object, options);
}

const ajv = new Ajv({
  strict: true,
  allErrors: true,
  useDefaults: true,
  verbose: true,
  allowUnionTypes: true,
});
addKubernetes(ajv);

const connection = kind<CriteoConnection>('CriteoConnection', criteoConnectionSchema);
const segmentExport = kind<CriteoSegmentExport>('CriteoSegmentExport', criteoSegmentExportSchema);

interface Kind<T> {
  schema: AnySchemaObject;
  open: () => ValidateFunction<T>;
  closed: () => ValidateFunction<T>;
}

// Compiled on first use: a program that validates one kind does not pay for the rest.
function kind<T>(name: string, schema: AnySchemaObject): Kind<T> {
  const whole = {
    ...schema,
    required: ['apiVersion', 'kind', 'metadata', ...schema.required],
    properties: {
      ...schema.properties,
      apiVersion: { type: 'string', const: apiVersion },
      kind: { type: 'string', const: name },
    },
  };
  return {
    schema: whole,
    open: once(() => ajv.compile<T>(ajvSchema(whole, false))),
    closed: once(() => ajv.compile<T>(ajvSchema(whole, true))),
  };
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function check<T>(
  { schema, open, closed }: Kind<T>,
  object: unknown,
  { unknownFields, secret, isKnown = () => true }: ValidateOptions,
): Validated<T> {
  const deep = deepField(object);
  if (deep !== undefined) return { ok: false, errors: [{ field: deep, message: 'is nested too deeply' }] };
  const validate = unknownFields === 'refuse' ? closed() : open();
  const value = structuredClone(object);
  dropNulls(value, schema);
  if (validate(value)) return { ok: true, value };
  const errors = (validate.errors ?? []).map((error) => toFieldError(error, secret));
  const known = errors.filter(({ field }) => isKnown(field));
  return known.length === 0 ? { ok: true, value: value as T } : { ok: false, errors: known };
}
