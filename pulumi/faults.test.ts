import { describe, expect, test } from 'vitest';
import { criteoConnectionSchema, criteoSegmentExportSchema } from '../api/generated/schemas.ts';
import { validateConnection, validateExport } from '../api/validate.ts';
import { readExamples } from '../test/integration/crds/manifests.ts';
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

function faults({ object }: (typeof examples)[number]): string[] {
  const kind = kinds[object.kind];
  if (!kind) throw new Error(object.kind);
  return faultsOf(kind, object.spec, false).map(({ field, message }) => `${field}: ${message}`);
}

/** The names of a field: the API server writes those of labels and of unknown fields otherwise than we do. */
function wordsOf(text: string): string {
  const [field = ''] = text.replace('unknown field "', '').split(': ');
  return field.replaceAll(/[^A-Za-z0-9/.-]+/g, '.').replaceAll(/\.$/g, '');
}

describe('a preview', () => {
  test('accepts what the API server accepts', () => {
    const accepted = examples.filter(({ refusals }) => refusals.length === 0);
    expect(accepted.length).toBeGreaterThan(30);
    expect(
      accepted
        .filter((example) => faults(example).length > 0)
        .map((example) => [example.title, faults(example)]),
    ).toEqual([]);
  });

  test('refuses what the API server refuses, for the same field', () => {
    // A connection that is there may say `agreed: false`, to withdraw the agreement; a preview cannot tell whether it is.
    const refused = examples.filter(
      ({ title, refusals }) => refusals.length > 0 && !title.startsWith('connection-agreed-on-create'),
    );
    expect(refused.length).toBeGreaterThan(60);
    const missed = refused.filter((example) => {
      const fields = faults(example).map(wordsOf);
      return !example.refusals.some((refusal) => fields.some((field) => wordsOf(refusal).startsWith(field)));
    });
    expect(missed.map((example) => [example.title, example.refusals, faults(example)])).toEqual([]);
  });
});
