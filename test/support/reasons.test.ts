import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { runReasons } from '../../api/reasons.ts';
import { connectionReadyReasons, exportReadyReasons } from '../../controller/plan/conditionreasons.ts';
import {
  retirementReasons,
  skipReasons,
  stopReasons,
  unreportedReasons,
} from '../../controller/plan/endreasons.ts';
import { eventReasons } from '../../controller/plan/eventreasons.ts';
import { repositoryDirectory } from '../cluster/paths.ts';

const lists = ['conditionreasons.ts', 'endreasons.ts', 'eventreasons.ts'];

/** The programs' text under a directory, but for the lists themselves. */
function sourceOf(directory: string): string {
  return readdirSync(join(repositoryDirectory, directory), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.includes('testkit'))
    .filter((path) => !lists.includes(basename(path)))
    .map((path) => readFileSync(join(repositoryDirectory, directory, path), 'utf8'))
    .join('\n');
}

const controller = sourceOf('controller/plan');
const exporter = sourceOf('exporter');

// That none is used which is not listed, the compiler sees.
test.each([
  ...exportReadyReasons,
  ...connectionReadyReasons,
  ...unreportedReasons,
  ...stopReasons,
  ...skipReasons,
  ...eventReasons,
  ...retirementReasons,
])('%s, which alerts and the runbook may name, is told by the controller', (reason) => {
  expect(controller).toContain(`'${reason}'`);
});

test.each(Object.keys(runReasons))('%s is reported by the exporter', (reason) => {
  expect(exporter).toContain(`'${reason}'`);
});
