import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { kubectl } from '../../cluster/kubectl.ts';
import { waitFor } from '../../cluster/wait.ts';
import { ApiServer, installCrds } from '../../support/apiserver.ts';
import { collectionOf, readExamples } from './manifests.ts';

/** What a person sees with `kubectl get` and `kubectl explain`. */

let controlPlane: ControlPlane;
let server: ApiServer;

beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false });
  server = new ApiServer(controlPlane);
  await installCrds(controlPlane);
  for (const kind of ['CriteoConnection', 'CriteoSegmentExport']) {
    const example = readExamples().find(({ title }) => title.startsWith(everything[kind] ?? ''));
    const created = await server.call(collectionOf(kind), { method: 'POST', body: example?.object });
    expect(created.status).toBe(201);
  }
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await controlPlane?.stop();
});

const everything: Record<string, string> = {
  CriteoConnection: 'connection-everything',
  CriteoSegmentExport: 'export-everything',
};

interface Column {
  name: string;
  priority: number;
}

/** The row that the API server prints: cells by the name of their column, apart by priority. */
async function printed(
  kind: string,
): Promise<{ narrow: Record<string, unknown>; wide: Record<string, unknown> }> {
  const { body } = await server.call(collectionOf(kind), {
    accept: 'application/json;as=Table;g=meta.k8s.io;v=v1',
  });
  const columns = body.columnDefinitions as Column[];
  const [row] = body.rows as { cells: unknown[] }[];
  const cells = columns.map(({ name, priority }, index) => ({ name, priority, value: row?.cells[index] }));
  const pick = (wanted: (priority: number) => boolean): Record<string, unknown> =>
    Object.fromEntries(cells.filter((cell) => wanted(cell.priority)).map(({ name, value }) => [name, value]));
  return { narrow: pick((priority) => priority === 0), wide: pick((priority) => priority > 0) };
}

async function setStatus(kind: string, name: string, status: unknown): Promise<void> {
  const reply = await server.call(`${collectionOf(kind)}/${name}/status`, {
    method: 'PATCH',
    contentType: 'application/merge-patch+json',
    body: { status },
  });
  expect(reply.body.message).toBeUndefined();
}

const now = new Date().toISOString();
/** Seconds, as a rule; 2m5s where the machine does much else. */
const age = expect.stringMatching(/^\d+[sm]/);

describe('kubectl get', () => {
  it('shows a connection', async () => {
    await setStatus('CriteoConnection', 'nordic', {
      observedGeneration: 1,
      conditions: [
        {
          type: 'Stalled',
          status: 'True',
          reason: 'CredentialsRefused',
          message: 'other',
          lastTransitionTime: now,
        },
        {
          type: 'Ready',
          status: 'False',
          reason: 'CredentialsRefused',
          message: 'Mend it.',
          lastTransitionTime: now,
        },
      ],
      lastCheck: { jobName: 'check', outcome: 'Failed', reason: 'CredentialsRefused', finishedAt: now },
    });
    const { narrow, wide } = await printed('CriteoConnection');
    expect(narrow).toEqual({
      Name: 'nordic',
      'Display Name': 'Criteo, Nordic shops',
      Advertiser: '12345',
      Ready: 'False',
      Status: 'Mend it.',
      Age: age,
    });
    expect(wide).toEqual({
      Secret: 'criteo-nordic',
      'Last Check': age,
      Reason: 'CredentialsRefused',
    });
  });

  it('shows an export and its last run', async () => {
    const read = { read: 9, invalid: 1, empty: 1, duplicate: 1, withoutConsent: 2, selected: 4 };
    const counts = { ...read, uploaded: 1, removed: 3, refused: 0, held: 1204 };
    await setStatus('CriteoSegmentExport', 'newsletter', {
      observedGeneration: 1,
      segmentCount: 2,
      held: 1204,
      mode: 'Mirror',
      scheduleSummary: '0 4 * * * (Europe/Oslo)',
      nextRunTime: '2026-11-23T03:00:00Z',
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'RunSucceeded',
          message: 'All went well.',
          lastTransitionTime: now,
        },
      ],
      lastRun: {
        jobName: 'run',
        outcome: 'Succeeded',
        reason: 'Succeeded',
        finishedAt: now,
        profiles: counts,
      },
      lastSuccessfulRun: { jobName: 'run', outcome: 'Succeeded', reason: 'Succeeded', finishedAt: now },
      lastSkippedRun: {
        jobName: 'newsletter-29744760',
        trigger: 'Schedule',
        reason: 'StartingDeadlineExceeded',
        skippedAt: now,
      },
      activeRun: { jobName: 'newsletter-29744820', trigger: 'Schedule' },
    });
    const { narrow, wide } = await printed('CriteoSegmentExport');
    expect(narrow).toEqual({
      Name: 'newsletter',
      Connection: 'nordic',
      Segments: 2,
      Schedule: '0 4 * * * (Europe/Oslo)',
      Ready: 'True',
      'Last Run': age,
      Result: 'Succeeded',
      Profiles: 1204,
      'Next Run': '2026-11-23T03:00:00Z',
      Status: 'All went well.',
      Age: age,
    });
    expect(wide).toEqual({
      Mode: 'Mirror',
      'Last Success': age,
      'Last Skipped': age,
      'Active Run': 'newsletter-29744820',
      Reason: 'RunSucceeded',
    });
  });

  it('takes the status of the release before, which knew of no ledger', async () => {
    const counts = { read: 9, invalid: 1, empty: 1, duplicate: 1, selected: 6, uploaded: 6, refused: 0 };
    await setStatus('CriteoSegmentExport', 'newsletter', {
      held: null,
      lastRun: {
        jobName: 'run',
        outcome: 'Succeeded',
        reason: 'Succeeded',
        profiles: { ...counts, withoutConsent: null, removed: null, held: null },
      },
    });
    expect((await printed('CriteoSegmentExport')).narrow.Profiles).toBeNull();
  });

  it('lists both kinds as criteo, and each by its short name', async () => {
    // Discovery of a CRD that was just made follows it by a moment.
    await expect
      .poll(
        () => kubectl(controlPlane.kubeconfigPath, ['api-resources', '--categories=criteo', '-o', 'name']),
        { timeout: 30_000 },
      )
      .toBe('criteoconnections.segmentexport.io\ncriteosegmentexports.segmentexport.io\n');
    for (const [name, line] of [
      ['criteo', 'criteosegmentexport.segmentexport.io/newsletter'],
      ['criteoconn', 'criteoconnection.segmentexport.io/nordic'],
      ['criteoexport', 'criteosegmentexport.segmentexport.io/newsletter'],
    ] as const) {
      expect(await kubectl(controlPlane.kubeconfigPath, ['get', name, '-o', 'name'])).toContain(line);
    }
  });

  it('finds the exports of a connection by a field selector', async () => {
    const exportsOf = (connection: string): Promise<string> =>
      kubectl(controlPlane.kubeconfigPath, [
        'get',
        'criteosegmentexports',
        `--field-selector=spec.connectionRef.name=${connection}`,
        '-o',
        'name',
      ]);
    expect(await exportsOf('nordic')).toBe('criteosegmentexport.segmentexport.io/newsletter\n');
    expect(await exportsOf('baltic')).toBe('');
  });
});

describe('kubectl explain', () => {
  const explained = async (field: string): Promise<string> => {
    const text = await kubectl(controlPlane.kubeconfigPath, ['explain', field]);
    return text.replaceAll(/\s+/g, ' ');
  };
  // The API server publishes the schema of a new CRD a moment after it serves it.
  beforeAll(async () => {
    for (const kind of ['criteoconnection', 'criteosegmentexport']) {
      await waitFor(`the schema of ${kind}`, 60_000, () => explained(kind));
    }
  });

  it('says what agreeing to data privacy means', async () => {
    expect(await explained('criteoconnection.spec.dataPrivacy.agreed')).toContain(
      "permits personal data to leave the cluster's compliance boundary for Criteo",
    );
  });

  it('says what the guard, the policy and the ledger do', async () => {
    expect(await explained('criteosegmentexport.spec.removalGuard')).toContain(
      'until a person approves that run',
    );
    expect(await explained('criteosegmentexport.spec.deletionPolicy')).toContain('events tell what was left');
    expect(await explained('criteoconnection.spec.ledger')).toContain('the only record of that');
  });

  it('shows every field of an export with its type', async () => {
    const text = await kubectl(controlPlane.kubeconfigPath, [
      'explain',
      'criteosegmentexport.spec',
      '--recursive',
    ]);
    for (const field of [
      'connectionRef',
      'persistentVolumeClaim',
      'fallbackFields',
      'timeZone',
      'maxPercent',
      'activeDeadlineSeconds',
    ]) {
      expect(text).toMatch(new RegExp(`^\\s+${field}\t<`, 'm'));
    }
  });
});

describe('a new object', () => {
  it('has the status observedGeneration -1, so that nobody takes it for reconciled', async () => {
    for (const { object, refusals } of readExamples()) {
      if (refusals.length > 0) continue;
      // The connection that stands here asks for consent, and not every example has it.
      const changed = object.kind === 'CriteoSegmentExport' ? { connectionRef: { name: 'later' } } : {};
      const { body } = await server.dryRunCreate(collectionOf(object.kind), {
        ...object,
        spec: { ...object.spec, ...changed },
        metadata: { generateName: 'new-' },
      });
      expect(body.status).toEqual({ observedGeneration: -1 });
    }
  });
});

describe('server-side apply', () => {
  it('lets two managers own one segment each', async () => {
    const path = `${collectionOf('CriteoSegmentExport')}/shared`;
    const apply = (manager: string, spec: unknown): Promise<{ status: number }> =>
      server.call(path, {
        method: 'PATCH',
        contentType: 'application/apply-patch+yaml',
        query: { fieldManager: manager },
        body: {
          apiVersion: 'segmentexport.io/v1alpha1',
          kind: 'CriteoSegmentExport',
          metadata: { name: 'shared' },
          spec,
        },
      });
    const whole = {
      connectionRef: { name: 'later' },
      match: { email: { field: 'email' } },
      source: { file: { persistentVolumeClaim: { claimName: 'data' }, path: 'segments' } },
    };
    expect((await apply('team-a', { ...whole, segments: [{ name: 'a' }] })).status).toBe(201);
    expect((await apply('team-b', { segments: [{ name: 'b' }] })).status).toBe(200);
    const { body } = await server.call(path);
    expect(body.spec).toMatchObject({ segments: [{ name: 'a' }, { name: 'b' }] });
  });
});
