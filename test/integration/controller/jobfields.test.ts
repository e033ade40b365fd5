import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labels } from '../../../api/names.ts';
import type { CronJob, Job } from '../../../controller/plan/kubernetes.ts';
import { conditionOf, hasReason, type Shop } from './shop.ts';
import { installIdentity, startWorld, type World, writeTokenKubeconfig } from './world.ts';

/** What spec.job puts on pods, in an installation whose lists allow some of it. */

const lists = [
  '--allowed-job-label=team',
  '--allowed-job-label=example.com/',
  '--allowed-priority-class=batch-low',
  '--allowed-toleration=batch',
];

let world: World;
let shop: Shop;
beforeAll(async () => {
  world = await startWorld();
  shop = await world.shop();
  // The policy on the controller is of the same flags.
  const token = await installIdentity(world.controlPlane.kubeconfigPath, {
    namespace: 'with-lists',
    watchedNamespaces: [shop.namespace],
    extraFlags: lists,
  });
  const kubeconfig = join(world.directory, 'with-lists.kubeconfig');
  await writeTokenKubeconfig(kubeconfig, world.controlPlane, token);
  await shop.startController({ kubeconfig, flags: ['--leader-elect=false', ...lists] });
  await shop.create('/apis/scheduling.k8s.io/v1/priorityclasses', {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: 'batch-low' },
    value: -10,
  });
  await shop.settle();
});
afterAll(() => world?.[Symbol.asyncDispose]());

const everything = {
  labels: { team: 'crm', 'example.com/cost': '7' },
  tolerations: [{ key: 'batch', operator: 'Exists', effect: 'NoSchedule' }],
  priorityClassName: 'batch-low',
};

test('what is allowed is on the pods of a run, and not on its Job', async () => {
  const name = 'allowed';
  await shop.apply(shop.segmentExport({ job: everything }, name));
  const { metadata } = await shop.ready(name);
  const { status } = await shop.runOnce(name);
  expect(status?.lastRun).toMatchObject({ outcome: 'Succeeded' });

  const { body } = await world.api.call(`${shop.path('Job')}/${status?.lastRun?.jobName}`);
  const { template } = (body as unknown as Job).spec;
  const ours = { [labels.exportUid]: metadata.uid, [labels.runKind]: 'Export' };
  expect(template.metadata?.labels).toMatchObject({ ...everything.labels, ...ours });
  const { tolerations, priorityClassName } = everything;
  expect(template.spec).toMatchObject({ tolerations, priorityClassName });
  expect((body as unknown as Job).metadata.labels).toMatchObject(ours);
  expect((body as unknown as Job).metadata.labels).not.toHaveProperty('team');

  await shop.apply(shop.segmentExport({ job: { labels: { team: 'sales' } } }, name));
  await expect
    .poll(
      async () => {
        const { body: reply } = await world.api.call(`${shop.path('CronJob')}/${status?.cronJobName}`);
        const pod = (reply as unknown as CronJob).spec.jobTemplate.spec.template;
        return [pod.metadata?.labels?.team, pod.spec.tolerations, pod.spec.priorityClassName];
      },
      { timeout: 60_000 },
    )
    .toEqual(['sales', undefined, undefined]);
});

const refusals = [
  { what: 'a label', job: { labels: { app: 'payments' } }, says: 'spec.job.labels: "app" is not allowed' },
  {
    what: 'a label of ours',
    job: { labels: { [labels.exportUid]: 'of-another' } },
    says: 'spec.job.labels: "segmentexport.io/export-uid" is a label of',
  },
  {
    what: 'a taint',
    job: { tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists' }] },
    says: 'spec.job.tolerations[0].key: "node-role.kubernetes.io/control-plane" is not allowed',
  },
  {
    what: 'every taint',
    job: { tolerations: [{ operator: 'Exists' }] },
    says: 'spec.job.tolerations[0]: it has no key',
  },
  {
    what: 'a priority class',
    job: { priorityClassName: 'system-cluster-critical' },
    says: 'spec.job.priorityClassName: "system-cluster-critical" is not allowed',
  },
];

describe.concurrent('on no list', () => {
  test.each(refusals)(
    'what is on no list is refused by its name, and used without it: $what',
    async (one) => {
      const name = `refused-${refusals.indexOf(one)}`;
      await shop.apply(shop.segmentExport({ job: one.job }, name));
      const reason = 'JobFieldNotAllowed';
      const seen = await shop.untilExport(reason, hasReason('Ready', reason), name);
      const message = expect.stringContaining(one.says);
      expect(conditionOf(seen, 'Ready')).toMatchObject({ status: 'False', message });
      expect(conditionOf(seen, 'Stalled')).toMatchObject({ status: 'True', message });
      expect(seen.status?.cronJobName).toBeUndefined();
      expect(await shop.untilEvent(reason, name)).toMatchObject({ type: 'Warning', note: message });

      await shop.apply(shop.segmentExport({}, name));
      const usable = await shop.untilExport('AwaitingRun', hasReason('Ready', 'AwaitingRun'), name);
      expect(conditionOf(usable, 'Stalled')).toBeUndefined();
    },
  );
});
