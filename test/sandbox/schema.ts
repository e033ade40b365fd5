/** From OpenAPI 3.0.1's dialect to JSON Schema, for the keywords that the contract uses. */

export type Schema = { [keyword: string]: unknown };

const kept = ['type', 'format', 'enum', 'nullable', 'required', 'uniqueItems', 'minimum', 'maximum', '$ref'];
const annotations = ['description', 'example', 'default', 'readOnly', 'title'];

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * `closed` tells which objects refuse fields that the contract does not name: those that name some ("named"), or also
 * those that name none ("all"). OpenAPI leaves every object open; a sandbox that did would hide a misspelt field.
 */
export function toJsonSchema(schema: Schema, closed: 'named' | 'all'): Schema {
  const result: Schema = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (kept.includes(keyword)) result[keyword] = value;
    else if (keyword === 'items' && isSchema(value)) result.items = toJsonSchema(value, closed);
    else if (keyword === 'properties' && isSchema(value)) result.properties = mapSchemas(value, closed);
    else if (keyword === 'additionalProperties') {
      result.additionalProperties = isSchema(value) ? toJsonSchema(value, closed) : value;
    } else if (!annotations.includes(keyword) && !keyword.startsWith('x-')) {
      // A keyword that fell through would be a rule of the contract that nobody checks.
      throw new Error(`the contract uses the schema keyword "${keyword}", which the sandbox does not know`);
    }
  }
  if (result.nullable === true && Array.isArray(result.enum)) result.enum = [...result.enum, null];
  const namesFields = result.properties !== undefined;
  if (
    result.type === 'object' &&
    result.additionalProperties === undefined &&
    (namesFields || closed === 'all')
  ) {
    result.additionalProperties = false;
  }
  return result;
}

export function mapSchemas(schemas: Schema, closed: 'named' | 'all'): Schema {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      if (!isSchema(schema)) throw new Error(`the contract's schema "${name}" is not an object`);
      return [name, toJsonSchema(schema, closed)];
    }),
  );
}
