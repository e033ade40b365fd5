import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { CriteoConnection } from '../../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../../api/generated/criteosegmentexport.ts';
import { group } from '../../../api/names.ts';
import { readyLine } from '../../../controller/plan/testkit/plans.ts';
import { repositoryDirectory } from '../../cluster/paths.ts';
import { documentTable } from '../../support/documenttable.ts';
import { type GitOpsHealth, gitopsHealth, gitopsHealthProgram } from '../../support/gitopshealth.ts';
import { connectionStates, exportStates } from './states.ts';

type Resource = CriteoConnection | CriteoSegmentExport;

const { data } = parse(readFileSync(join(repositoryDirectory, 'examples/argocd/health.yaml'), 'utf8')) as {
  data: Record<string, string>;
};
const scriptOf = (kind: string): string => data[`resource.customizations.health.${group}_${kind}`] ?? '';

describe.each<[string, Record<string, () => Resource>]>([
  ['Exports, state by state', exportStates],
  ['Connections, state by state', connectionStates],
])('docs/gitops.md, %s', (heading, states) => {
  const { columns, rows } = documentTable('docs/gitops.md', heading);
  const found = new Map<string, { object: Resource; health: GitOpsHealth | undefined }>();

  beforeAll(async () => {
    const objects = Object.entries(states).map(([name, make]) => [name, make()] as const);
    const asked = objects.map(([, object]) => ({ object, script: scriptOf(object.kind) }));
    const told = await gitopsHealth(await gitopsHealthProgram(console.log), asked);
    for (const [index, [name, object]] of objects.entries()) found.set(name, { object, health: told[index] });
  }, 300_000);

  test('has the states of this test', () => {
    expect(columns).toEqual(['Ready', 'kstatus (Flux)', 'Argo CD']);
    expect([...rows.keys()]).toEqual(Object.keys(states));
  });

  test.each(Object.keys(states))('%s', (name) => {
    const { object, health } = found.get(name) ?? {};
    expect([
      readyLine(object?.status ?? {}).trim() || '-',
      health?.kstatus.status,
      health?.argoCD.status,
    ]).toEqual(rows.get(name));
  });

  test('Argo CD shows the sentence of Ready, where there is one of this generation', () => {
    for (const { object, health } of found.values()) {
      const ready = object.status?.conditions?.find(({ type }) => type === 'Ready');
      const isCurrent = object.status?.observedGeneration === object.metadata.generation;
      if (ready && isCurrent && !object.metadata.deletionTimestamp) {
        expect(health?.argoCD.message).toBe(ready.message);
      }
    }
  });
});

test('a script that needs a library which Argo CD does not open fails here too', async () => {
  const program = await gitopsHealthProgram(console.log);
  const script = 'return { status = string.upper("healthy") }';
  const asked = [{ object: exportStates['the last run succeeded']?.() ?? {}, script }];
  await expect(gitopsHealth(program, asked)).rejects.toThrow('nil');
});
