import * as pulumi from '@pulumi/pulumi';
import { describe, expect, test } from 'vitest';
import { criteoConnectionSchema, criteoSegmentExportSchema } from '../api/generated/schemas.ts';
import { validateConnection, validateExport } from '../api/validate.ts';
import { readExamples } from '../test/integration/crds/manifests.ts';
import type { RuledSchema } from './celrules.ts';
import { type CheckedKind, faultsOf } from './faults.ts';

const kinds: Record<string, CheckedKind> = {
  CriteoConnection: {
    kind: 'CriteoConnection',
    validate: validateConnection,
    schema: criteoConnectionSchema,
  },
  CriteoSegmentExport: {
    kind: 'CriteoSegmentExport',
    validate: validateExport,
    schema: criteoSegmentExportSchema,
  },
};

// The API server's answers to these are held by test/integration/crds/rules.test.ts; they break every rule of both kinds.
const examples = readExamples().filter(({ object }) => object.kind in kinds);
const accepted = examples.filter(({ refusals }) => refusals.length === 0);
// A connection that is there may say `agreed: false`, to withdraw the agreement; a preview cannot tell whether it is.
const refused = examples.filter(
  ({ title, refusals }) => refusals.length > 0 && !title.startsWith('connection-agreed-on-create'),
);

type Example = (typeof examples)[number];

function kindOf({ object }: Example): CheckedKind {
  const kind = kinds[object.kind];
  if (!kind) throw new Error(object.kind);
  return kind;
}

function faults(example: Example, spec: unknown = example.object.spec): string[] {
  return faultsOf(kindOf(example), spec, false).map(({ field, message }) => `${field}: ${message}`);
}

/** The names of a field: the API server writes those of labels and of unknown fields otherwise than we do. */
function wordsOf(text: string): string {
  const [field = ''] = text.replace('unknown field "', '').split(': ');
  return field.replaceAll(/[^A-Za-z0-9/.-]+/g, '.').replaceAll(/\.$/g, '');
}

/** Those that the API server refuses, and of which none of the given specs is refused for the same field. */
function missed(specOf: (example: Example) => unknown): object[] {
  return refused
    .map((example) => ({ ...example, found: faults(example, specOf(example)) }))
    .filter(
      ({ refusals, found }) =>
        !refusals.some((refusal) => found.some((fault) => wordsOf(refusal).startsWith(wordsOf(fault)))),
    )
    .map(({ title, refusals, found }) => [title, refusals, found]);
}

/** The value with something else in each of its places, one at a time. */
function withEach(value: unknown, other: unknown): { place: string; changed: unknown }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) =>
    [{ place: '', changed: other }, ...withEach(part, other)].map(({ place, changed }) => {
      const copy = Array.isArray(value) ? [...value] : { ...value };
      return { place: `.${key}${place}`, changed: Object.assign(copy, { [key]: changed }) };
    }),
  );
}

/** The value with each field that its schema has and it does not. */
function withUndefined(schema: RuledSchema | undefined, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withUndefined(schema?.items, item));
  if (typeof value !== 'object' || value === null) return value;
  const absent = Object.keys(schema?.properties ?? {}).filter((key) => !(key in value));
  const present = Object.entries(value).map(([key, part]) => [
    key,
    withUndefined(schema?.properties?.[key], part),
  ]);
  return Object.fromEntries([...absent.map((key) => [key, undefined]), ...present]);
}

describe('a preview', () => {
  test('accepts what the API server accepts', () => {
    expect(accepted.length).toBeGreaterThan(30);
    const wrong = accepted.filter((example) => faults(example).length > 0);
    expect(wrong.map((example) => [example.title, faults(example)])).toEqual([]);
  });

  test('takes a field that is undefined for one that is not there', () => {
    const wrong = accepted.flatMap((example) => {
      const whole = withUndefined(kindOf(example).schema.properties?.spec, example.object.spec);
      return faults(example, whole).map((fault) => [example.title, fault]);
    });
    expect(wrong).toEqual([]);
  });

  test('accepts it with any field or item that is not known yet', () => {
    const wrong = accepted.flatMap((example) =>
      withEach(example.object.spec, pulumi.unknown).flatMap(({ place, changed }) =>
        faults(example, changed).map((fault) => [example.title, place, fault]),
      ),
    );
    expect(wrong).toEqual([]);
  });

  test('refuses what the API server refuses, for the same field', () => {
    expect(refused.length).toBeGreaterThan(60);
    expect(missed(({ object }) => object.spec)).toEqual([]);
  });

  test('refuses it as well where a required field that has no part in it is not known yet', () => {
    const unknown = { name: pulumi.unknown };
    const hidden = ({ object }: Example): object =>
      object.kind === 'CriteoConnection'
        ? { ...(object.spec as object), credentialsSecretRef: unknown }
        : { ...(object.spec as object), connectionRef: unknown };
    const about = /credentialsSecretRef|connectionRef/;
    const others = missed(hidden).filter((one) => !about.test(JSON.stringify(one)));
    expect(others).toEqual([]);
  });
});
