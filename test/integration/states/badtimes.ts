import type { ContainerEnd, Fate } from '../../support/processkubelet.ts';
import { exportName, type Shop } from '../controller/shop.ts';
import { awaitingRun, ended, runAtWork, type Story, until } from './story.ts';

const endsAs = (end: (end: ContainerEnd) => ContainerEnd): Fate => ({ kind: 'EndsAs', end });

const withFate =
  (fate: Fate) =>
  async (shop: Shop): Promise<void> => {
    await awaitingRun(shop);
    shop.world.kubelet.setFate(shop.namespace, fate);
  };

/** A run is at Criteo, and its start was told. */
async function atWork(shop: Shop, times?: 1 | 'always'): Promise<void> {
  await awaitingRun(shop);
  await runAtWork(shop, times);
  await shop.untilEvent('RunStarted', exportName);
}

const podPath = (shop: Shop): string => {
  const pod = shop.exporters().at(-1)?.podName;
  return `/api/v1/namespaces/${shop.namespace}/pods/${pod}`;
};

/** Its node answers no more, and Kubernetes has told the pod to end. */
async function nodeLost(shop: Shop): Promise<void> {
  shop.world.kubelet.setFate(shop.namespace, { kind: 'NodeLost' });
  await shop.world.api.call(podPath(shop), { method: 'DELETE', query: { gracePeriodSeconds: '1' } });
  await until('PodNotEnded', 90_000)(shop);
}

/** What Kubernetes does with the pods of a Node that was deleted, or tainted as out of service. */
async function podGone(shop: Shop): Promise<void> {
  const { api, kubelet } = shop.world;
  const path = podPath(shop);
  kubelet.setFate(shop.namespace, undefined);
  const disrupted = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC' };
  await api.call(`${path}/status`, {
    method: 'PATCH',
    contentType: 'application/strategic-merge-patch+json',
    body: { status: { phase: 'Failed', conditions: [disrupted] } },
  });
  await api.call(path, { method: 'DELETE', query: { gracePeriodSeconds: '0' } });
}

/** Rows of docs/states.md, "Bad times". */
export const badTimes: Record<string, Story> = {
  "the run's pod does not start": {
    before: withFate({ kind: 'NeverStarts', reason: 'ErrImagePull' }),
    reach: async (shop) => {
      await shop.request();
      await until('PodNotStarted')(shop);
    },
  },
  'its pod ran out of memory': {
    waits: true,
    before: withFate(endsAs(() => ({ exitCode: 137, message: '', reason: 'OOMKilled' }))),
    reach: async (shop) => {
      await shop.request();
      await ended(shop, 1, 170_000);
    },
  },
  'its pod was evicted: another took its place': {
    before: (shop) => atWork(shop, 1),
    reach: async (shop) => {
      const metadata = { name: shop.exporters().at(-1)?.podName, namespace: shop.namespace };
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata };
      const { status } = await shop.world.api.call(`${podPath(shop)}/eviction`, {
        method: 'POST',
        body: eviction,
      });
      if (status !== 201) throw new Error(`eviction: ${status}`);
      await ended(shop);
    },
  },
  'its Job was deleted by hand in mid-run': {
    before: (shop) => atWork(shop),
    reach: async (shop) => {
      const { status } = await shop.getExport();
      await shop.delete('Job', status?.activeRun?.jobName ?? '');
      await ended(shop);
    },
  },
  'its node is lost': {
    waits: true,
    before: (shop) => atWork(shop),
    reach: nodeLost,
  },
  'its node was given up: another pod took its place': {
    waits: true,
    before: async (shop) => {
      await atWork(shop, 1);
      await nodeLost(shop);
      await shop.untilEvent('PodNotEnded', exportName);
    },
    reach: async (shop) => {
      await podGone(shop);
      await ended(shop);
    },
  },
  'its pod left no report': {
    before: withFate(endsAs(() => ({ exitCode: 0, message: '' }))),
    reach: (shop) => shop.runOnce(),
  },
  'its report was cut off': {
    before: withFate(endsAs((end) => ({ ...end, message: end.message.slice(0, 40) }))),
    reach: (shop) => shop.runOnce(),
  },
  'it took longer than activeDeadlineSeconds': {
    waits: true,
    before: async (shop) => {
      await awaitingRun(shop, { export: { job: { activeDeadlineSeconds: 60 } } });
      await runAtWork(shop);
      await shop.untilEvent('RunStarted', exportName);
    },
    reach: (shop) => ended(shop, 1, 120_000),
  },
};
