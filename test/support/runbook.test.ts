import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { type FaultKind, type RunReason, runReasons } from '../../api/reasons.ts';
import {
  connectionReadyReasons,
  deprecatedByCriteo,
  exportReadyReasons,
  partiallySucceeded,
} from '../../controller/plan/conditionreasons.ts';
import {
  retirementReasons,
  skipReasons,
  stopReasons,
  unreportedReasons,
} from '../../controller/plan/endreasons.ts';
import { eventReasons } from '../../controller/plan/eventreasons.ts';
import { repositoryDirectory } from '../cluster/paths.ts';
import { anchorOf, sectionsOf } from './markdown.ts';

interface Alert {
  alert: string;
  annotations: { runbook_url: string };
}

const runbook = 'docs/runbook.md';
const entries = sectionsOf(runbook).filter(({ level }) => level === 3);
const headings = entries.map(({ heading }) => heading);

const rules = parse(readFileSync(join(repositoryDirectory, 'examples/monitoring/rules.yaml'), 'utf8'));
const alerts: Alert[] = rules.groups
  .flatMap(({ rules }: { rules: Partial<Alert>[] }) => rules)
  .filter(({ alert }: Partial<Alert>) => alert !== undefined);

const reasons = new Set<string>([
  ...exportReadyReasons,
  ...connectionReadyReasons,
  partiallySucceeded,
  deprecatedByCriteo,
  ...Object.keys(runReasons),
  ...unreportedReasons,
  ...stopReasons,
  ...skipReasons,
  ...eventReasons,
  ...retirementReasons,
  'NotRun',
]);

test('docs/runbook.md has one entry for each reason and each alert, and no other', () => {
  const names = [...reasons, ...alerts.map(({ alert }) => alert)];
  expect(headings.toSorted()).toEqual(names.toSorted());
});

test.each(alerts)('the alert $alert links to its entry', ({ alert, annotations }) => {
  expect(annotations.runbook_url).toBe(`${runbook}#${anchorOf(alert)}`);
});

const urgency = /^\*\*(Info|Passing|Owner|Platform|Now)\.\*\* /;

test.each(entries)('the entry $heading begins with how bad it is', ({ text }) => {
  expect(text).toMatch(urgency);
});

/** Who acts is what makes the controller call a person, or wait for the next run. */
const urgencies: Record<FaultKind, string[]> = {
  success: ['Info'],
  user: ['Owner', 'Platform'],
  guard: ['Owner'],
  passing: ['Passing'],
  internal: ['Platform'],
};

test.each(Object.keys(runReasons) as RunReason[])(
  'the entry %s asks for a person where the run of that reason does',
  (reason) => {
    const word = entries.find(({ heading }) => heading === reason)?.text.match(urgency)?.[1];
    expect(urgencies[runReasons[reason]]).toContain(word);
  },
);
