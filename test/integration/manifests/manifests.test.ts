import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { ApiServer } from '../../support/apiserver.ts';
import { childManifests, exampleManifests, installedManifests, type Written } from './allmanifests.ts';
import { exceptions } from './kubescoreexceptions.ts';
import { schemaLocation, writeSchemas } from './openapischemas.ts';
import { manifestTools, outputOf } from './tools.ts';

let controlPlane: ControlPlane;
let directory: string;
let tools: { kubeconform: string; kubeScore: string };

beforeAll(async () => {
  tools = await manifestTools(console.log);
  directory = await mkdtemp(join(tmpdir(), 'segmentexport-schemas-'));
  controlPlane = await startControlPlane({ controllerManager: false });
  await using server = new ApiServer(controlPlane);
  await writeSchemas(server, directory);
}, 600_000);

afterAll(async () => {
  await controlPlane?.stop();
  if (directory) await rm(directory, { recursive: true, force: true });
});

interface Conformity {
  resources: { kind: string; name: string; status: string; msg: string }[];
  summary: { valid: number; invalid: number; errors: number; skipped: number };
}

async function kubeconform(written: readonly Written[]): Promise<Conformity> {
  const args = ['-strict', '-output', 'json', '-summary', '-verbose'];
  const where = ['-schema-location', join(directory, schemaLocation)];
  return JSON.parse(
    await outputOf(tools.kubeconform, [...args, ...where, '-'], documents(written)),
  ) as Conformity;
}

function documents(written: readonly Written[]): string {
  return written.map(({ object }) => `---\n${JSON.stringify(object)}\n`).join('');
}

describe('kubeconform -strict, by the schemas of the API server and of crds/', () => {
  test.each<[string, () => Written[]]>([
    ['the examples', exampleManifests],
    ['an installation', installedManifests],
    ['what the controller makes', childManifests],
  ])('finds every manifest valid and skips none: %s', async (_, written) => {
    const all = written();
    const { resources, summary } = await kubeconform(all);
    expect(resources.filter(({ status }) => status !== 'statusValid')).toEqual([]);
    expect(summary).toEqual({ valid: all.length, invalid: 0, errors: 0, skipped: 0 });
    expect(all.length).toBeGreaterThan(2);
  });

  interface Planted {
    replicas: unknown;
    template: { spec: object };
  }
  test.each<[string, string, (spec: Planted) => unknown]>([
    ['an unknown field', 'Deployment', (spec) => Object.assign(spec, { replica: 3 })],
    [
      'an unknown field of a pod',
      'Deployment',
      ({ template }) => Object.assign(template.spec, { hostnetwork: true }),
    ],
    ['a text for a number', 'Deployment', (spec) => Object.assign(spec, { replicas: '2' })],
    ['an unknown field of ours', 'CriteoSegmentExport', (spec) => Object.assign(spec, { shedule: {} })],
  ])('finds what is planted: %s', async (_, kind, plant) => {
    const [found] = [...installedManifests(), ...exampleManifests()].filter(
      ({ object }) => object.kind === kind,
    );
    if (!found) throw new Error(`there is no ${kind}`);
    const planted = structuredClone(found);
    plant((planted.object as unknown as { spec: Planted }).spec);
    expect((await kubeconform([planted])).summary).toMatchObject({ valid: 0, invalid: 1 });
  });
});

interface Scored {
  object_name: string;
  checks: {
    check: { id: string };
    grade: number;
    skipped: boolean;
    comments: { summary: string }[] | null;
  }[];
}

const bestGrade = 10;

/** `check: what it says` of everything that kube-score would have otherwise. */
async function kubeScore(written: readonly Written[]): Promise<string[]> {
  const args = ['score', '--kubernetes-version', 'v1.31', '--output-format', 'json', '-'];
  const scored = JSON.parse(await outputOf(tools.kubeScore, args, documents(written))) as Scored[];
  return scored.flatMap(({ object_name, checks }) =>
    checks
      .filter(({ grade, skipped }) => grade < bestGrade && !skipped)
      .flatMap(({ check, comments }) =>
        (comments ?? [{ summary: '' }]).map(({ summary }) => `${check.id}: ${summary} (${object_name})`),
      ),
  );
}

describe('kube-score', () => {
  /** Where its namespace is told by kubectl, it is the one in which the controller's children are. */
  const inShop = ({ from, object }: Written): Written => ({
    from,
    object: {
      ...object,
      metadata: { namespace: 'shop', ...object.metadata } as Written['object']['metadata'],
    },
  });
  const all = (): Written[] => [
    ...exampleManifests().map(inShop),
    ...installedManifests(),
    ...childManifests(),
  ];
  const excepted = (told: string): boolean =>
    exceptions.some(({ check, says }) => told.startsWith(`${check}: ${says}`));

  test('has nothing to say but the exceptions, each of which is needed', async () => {
    const told = await kubeScore(all());
    expect(told.filter((line) => !excepted(line))).toEqual([]);
    const unneeded = exceptions.filter(
      ({ check, says }) => !told.some((line) => line.startsWith(`${check}: ${says}`)),
    );
    expect(unneeded).toEqual([]);
  });

  test('finds what is planted', async () => {
    const planted = structuredClone(
      installedManifests().filter(({ object }) => object.kind === 'Deployment'),
    );
    const text = JSON.stringify(planted).replaceAll(
      '"readOnlyRootFilesystem":true',
      '"readOnlyRootFilesystem":false',
    );
    const told = await kubeScore(JSON.parse(text) as Written[]);
    expect(told.filter((line) => !excepted(line)).join()).toContain('read');
  });
});
