import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { repositoryDirectory } from '../cluster/paths.ts';

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
}

const schemas = ['criteoconnections', 'criteosegmentexports'].map((plural): Schema => {
  const text = readFileSync(join(repositoryDirectory, `crds/${plural}.segmentexport.io.yaml`), 'utf8');
  return parse(text).spec.versions[0].schema.openAPIV3Schema;
});

const page = readFileSync(join(repositoryDirectory, 'docs/from-customer-insights.md'), 'utf8');
const fields = [...page.matchAll(/`((?:spec|status)\.[A-Za-z.[\]]+)`/g)].map(([, path = '']) => path);

function has(schema: Schema, path: string): boolean {
  let at: Schema | undefined = schema;
  for (const name of path.split('.')) {
    at = at?.properties?.[name.replace('[]', '')];
    if (name.endsWith('[]')) at = at?.items;
  }
  return at !== undefined;
}

test('docs/from-customer-insights.md names fields', () => {
  expect(fields.length).toBeGreaterThan(15);
});

test.each([...new Set(fields)])(
  'docs/from-customer-insights.md names %s, which a user finds in the API',
  (path) => {
    expect(schemas.some((schema) => has(schema, path))).toBe(true);
  },
);
