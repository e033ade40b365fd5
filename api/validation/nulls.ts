import type { AnySchemaObject } from 'ajv';

/**
 * Takes away, as the API server does before it checks, what is null in a field that the schema names: a YAML file has
 * null where nothing stands behind a colon. Items of lists stay, and so does what is no field.
 */
export function dropNulls(value: unknown, schema: AnySchemaObject): void {
  if (Array.isArray(value)) {
    if (schema.items) for (const item of value) dropNulls(item, schema.items);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const fields = value as Record<string, unknown>;
  for (const [name, child] of Object.entries(fields)) {
    const known = Object.hasOwn(schema.properties ?? {}, name)
      ? schema.properties[name]
      : schema.additionalProperties;
    if (!known) continue;
    if (child === null) delete fields[name];
    else dropNulls(child, known);
  }
}
