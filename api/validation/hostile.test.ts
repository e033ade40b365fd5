import { describe, expect, test } from 'vitest';
import { validateConnection, validateExport } from '../validate.ts';

const head = {
  apiVersion: 'segmentexport.io/v1alpha1',
  kind: 'CriteoSegmentExport',
  metadata: { name: 'x' },
};
const spec = {
  connectionRef: { name: 'nordic' },
  match: { email: { field: 'email' } },
  source: {
    file: { persistentVolumeClaim: { claimName: 'data' }, path: 'people.csv', segmentField: 'segment' },
  },
  segments: [{ name: 'readers' }] as unknown[],
};

function faults(changes: object, options?: { unknownFields: 'refuse' }): string[] {
  const result = validateExport({ ...head, spec: { ...spec, ...changes } }, options);
  return result.ok ? [] : result.errors.map(({ field, message }) => `${field} ${message}`);
}

const megabytes = 1_500_000;

describe('a manifest of 1.5 MB', () => {
  test.each<[string, object, string]>([
    [
      'of one text',
      { name: 'x'.repeat(megabytes) },
      `spec.name must have at most 100 characters, but has ${megabytes}`,
    ],
    [
      'of segments',
      { segments: Array.from({ length: 60_000 }, (_, index) => ({ name: `s${index}` })) },
      'spec.segments must have at most 50 items, but has 60000',
    ],
    [
      'of one segment again and again',
      { segments: Array.from({ length: 60_000 }, () => ({ name: 'readers' })) },
      'spec.segments has the name of item 1 twice: give each item another name',
    ],
    [
      'of labels',
      {
        job: {
          nodeSelector: Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`k${index}`, 'v'])),
        },
      },
      'spec.job.nodeSelector must have at most 20 entries, but has 60000',
    ],
    [
      'in the place of a word',
      { mode: 'Mirror'.repeat(megabytes / 6) },
      `spec.mode must be one of Mirror, AddOnly, but is "${'Mirror'.repeat(13)}…`,
    ],
  ])('%s is refused with a word on the field that is short', (_, changes, message) => {
    const found = faults(changes);
    expect(found).toContain(message);
    expect(found.join('\n').length).toBeLessThan(1000);
  });

  test('of unknown fields is refused where they are, and is otherwise none of our business', () => {
    const unknown = { extra: 'x'.repeat(megabytes) };
    expect(faults(unknown)).toEqual([]);
    expect(faults(unknown, { unknownFields: 'refuse' })).toHaveLength(1);
  });
});

test('what is nested without end is refused, and exhausts no stack', () => {
  let nested: unknown = 'x';
  for (let level = 0; level < 200_000; level++) nested = { nested };
  expect(faults({ match: nested })).toEqual(['spec is nested too deeply']);
  expect(validateConnection({ ...head, kind: 'CriteoConnection', spec: nested }).ok).toBe(false);
  expect(validateConnection({ metadata: nested }).ok).toBe(false);
});

test('null is no value, as the API server sees it: the field is not there, or has its default', () => {
  const result = validateExport({
    ...head,
    spec: { ...spec, name: null, suspend: null, job: { nodeSelector: { arch: null } } },
  });
  expect(result.ok && result.value.spec).toMatchObject({ suspend: false, job: { nodeSelector: {} } });
  expect(result.ok && result.value.spec.name).toBeUndefined();
  expect(faults({ connectionRef: null })).toEqual(['spec.connectionRef is missing, but required']);
  expect(faults({ segments: [null] })).toEqual(['spec.segments[0] must be an object, but is null']);
});

test.each([
  '\u00a0padded\u00a0',
  '\u202efdp.exe',
  'high\u200bvalue',
  'a\u0301',
  '\ufeffmarked',
  '👩‍👩‍👧‍👦',
  '\u{10ffff}',
  '\ud800',
])('the segment %j is a name as any other, as it is for the API server', (name) => {
  expect(faults({ segments: [{ name }] })).toEqual([]);
});

test.each(['\u0000', 'two\nlines', ' padded', 'padded\t', '\u007f'])('the segment %j is refused', (name) => {
  expect(faults({ segments: [{ name }] })).toEqual([
    expect.stringContaining('spec.segments[0].name must neither begin nor end with a space'),
  ]);
});
