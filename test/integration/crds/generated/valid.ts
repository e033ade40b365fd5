import fc from 'fast-check';
import type { Schema } from '../../../../scripts/generate/crd.ts';
import { mended } from './mended.ts';
import { textsFor } from './texts.ts';

/** A JSON object on its way to the API server. */
export type Json = Record<string, unknown>;

/** Where a rule asks for more than a pattern: values that it takes. */
const values: Record<string, fc.Arbitrary<unknown>> = {
  'spec.dataPrivacy.agreed': fc.constant(true),
  'spec.ledger.volume.accessModes': fc.constantFrom(
    ['ReadWriteOnce'],
    ['ReadWriteOncePod'],
    ['ReadWriteMany', 'ReadWriteOnce'],
  ),
  'spec.consent.isTrue': fc.constant(true),
  'spec.schedule.cron': fc.constantFrom(
    '0 4 * * *',
    '*/15 8-17/2 1,15 jan-dec mon-fri',
    '@daily',
    '@every 1h30m',
  ),
  'spec.schedule.timeZone': fc.constantFrom('Etc/UTC', 'Europe/Oslo', 'America/Argentina/Buenos_Aires'),
  'spec.job.resources.requests': resources([0, 1, '1m', '0.5']),
  'spec.job.resources.limits': resources([2, '4Gi', '1E', '2e3']),
};

function resources(quantities: (number | string)[]): fc.Arbitrary<unknown> {
  const quantity = fc.constantFrom(...quantities);
  return fc.record({ cpu: quantity, memory: quantity, 'ephemeral-storage': quantity }, { requiredKeys: [] });
}

/** The keys of a map, where they are labels'. */
const labelKeys = ['app', 'example.com/team', 'A1', 'x'.repeat(63), `${'d.'.repeat(20)}d/k_e-y.1`];

/** Manifests of a kind that the API server takes, with values near each bound. */
export function validManifest(kind: string, schema: Schema): fc.Arbitrary<Json> {
  const spec = schema.properties?.spec;
  if (!spec) throw new Error(`${kind} has no spec`);
  return valuesOf(spec, 'spec').map((value) => ({
    apiVersion: 'segmentexport.io/v1alpha1',
    kind,
    metadata: { name: 'generated' },
    spec: mended(value as Json),
  }));
}

function valuesOf(schema: Schema, path: string): fc.Arbitrary<unknown> {
  const own = values[path];
  if (own) return own;
  if (schema.enum) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case 'string':
      return fc.constantFrom(...textsFor(schema));
    case 'integer':
      return integerOf(schema);
    case 'boolean':
      return fc.boolean();
    case 'array':
      return listOf(schema, path);
    case 'object':
      return schema.properties ? objectOf(schema, path) : mapOf(schema, path);
    default:
      throw new Error(`${path}: no value for ${JSON.stringify(schema)}`);
  }
}

function integerOf({ minimum = -10, maximum = 10 }: Schema): fc.Arbitrary<number> {
  const middle = Math.floor((minimum + maximum) / 2);
  return fc.constantFrom(...new Set([minimum, minimum + 1, middle, maximum - 1, maximum]));
}

function listOf(schema: Schema, path: string): fc.Arbitrary<unknown[]> {
  const { items, minItems = 0, maxItems = 3 } = schema;
  if (!items) throw new Error(`${path} has no items`);
  const item = valuesOf(items, `${path}[]`);
  const keys = schema['x-kubernetes-list-map-keys'];
  const few = { minLength: minItems, maxLength: Math.min(maxItems, minItems + 2) };
  const full = { minLength: maxItems, maxLength: maxItems };
  if (keys)
    return fc.uniqueArray(item, {
      ...few,
      selector: (value) => keys.map((key) => (value as Json)[key]).join(),
    });
  return fc.oneof(
    { weight: 9, arbitrary: fc.array(item, few) },
    { weight: 1, arbitrary: fc.array(item, full) },
  );
}

function mapOf(schema: Schema, path: string): fc.Arbitrary<Json> {
  const { additionalProperties, minProperties = 0, maxProperties = 3 } = schema;
  if (!additionalProperties) return fc.constant({});
  const size = { minKeys: minProperties, maxKeys: Math.min(maxProperties, labelKeys.length) };
  return fc.dictionary(fc.constantFrom(...labelKeys), valuesOf(additionalProperties, `${path}.*`), size);
}

/** All that is required, some of the rest, and one of those of which exactly one must be there. */
function objectOf(schema: Schema, path: string): fc.Arbitrary<Json> {
  const fields = Object.entries(schema.properties ?? {});
  const groups = exactlyOne(schema);
  const alternatives = new Set(groups.flat());
  const required = new Set(schema.required);
  const plain = fields.filter(([name]) => !alternatives.has(name));
  const record = (entries: [string, Schema][], requiredKeys: string[]): fc.Arbitrary<Json> =>
    fc.record(
      Object.fromEntries(entries.map(([name, child]) => [name, valuesOf(child, `${path}.${name}`)])),
      {
        requiredKeys,
        noNullPrototype: true,
      },
    ) as fc.Arbitrary<Json>;
  const base = record(
    plain,
    plain.map(([name]) => name).filter((name) => required.has(name)),
  );
  const chosen = groups.map((group) =>
    fc.oneof(
      ...group.map((name) => {
        const child = schema.properties?.[name];
        if (!child) throw new Error(`${path} has no ${name}`);
        return record([[name, child]], [name]);
      }),
    ),
  );
  return fc.tuple(base, ...chosen).map((parts) => Object.assign({}, ...parts) as Json);
}

/** The fields of which a rule says that exactly one is there. */
export function exactlyOne(schema: Schema): string[][] {
  return (schema['x-kubernetes-validations'] ?? []).flatMap(({ rule }) => {
    const list = /^\[(.*)\]\.exists_one\(set, set\)$/s.exec(rule)?.[1];
    return list === undefined
      ? []
      : [[...list.matchAll(/has\(self\.(\w+)\)/g)].map((match) => match[1] ?? '')];
  });
}
