import { apiVersion } from '../api/names.ts';
import type { FieldError, Validated, ValidateOptions } from '../api/validate.ts';
import { brokenRules, type RuledSchema } from './celrules.ts';
import { knownPart, mayBeUnknown, withUnknown } from './knownpart.ts';

/** A kind of ours. */
export interface CheckedKind {
  kind: string;
  validate: (object: unknown, options: ValidateOptions) => Validated<object>;
  /** With the rules that validate leaves to the API server. */
  schema: RuledSchema;
}

/**
 * What is wrong with a spec, as far as it is known; where it holds a secret, without a word of its values. What a field
 * is not known to be is no fault of it.
 */
export function faultsOf(
  { kind, validate, schema }: CheckedKind,
  spec: unknown,
  secret: boolean,
): FieldError[] {
  const { value, unknown } = knownPart(spec, 'spec');
  const result = validate(
    { apiVersion, kind, metadata: {}, spec: value },
    { unknownFields: 'refuse', secret, isKnown: (field) => !mayBeUnknown(field, unknown) },
  );
  return result.ok ? brokenRules(schema, withUnknown(result.value, { spec })) : result.errors;
}
