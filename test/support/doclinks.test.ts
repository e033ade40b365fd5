import { globSync } from 'node:fs';
import { expect, test } from 'vitest';
import { repositoryDirectory } from '../cluster/paths.ts';
import { brokenLinks } from './markdown.ts';

const documents = globSync(['*.md', '{docs,examples,test,pulumi}/**/*.md'], {
  cwd: repositoryDirectory,
  exclude: ['**/node_modules/**'],
});

test('the documents are found', () => {
  expect(documents).toContain('docs/runbook.md');
});

test.each(documents.toSorted())('every link of %s leads to a file or heading that is there', (path) => {
  expect(brokenLinks(path)).toEqual([]);
});
