import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import {
  connection,
  segmentExport,
  settings,
  timeAt,
  withLedger,
} from '../../../controller/plan/testkit/objects.ts';
import { connectionPlan, exportPlan, observedExport } from '../../../controller/plan/testkit/plans.ts';
import { manifests } from '../../../deploy/manifests.ts';
import { defaultOptions } from '../../../deploy/options.ts';
import { uninstallJob } from '../../../deploy/uninstall.ts';
import { repositoryDirectory } from '../../cluster/paths.ts';

/** An object, and where it comes from. */
export interface Written {
  from: string;
  object: { apiVersion: string; kind: string; metadata: { name: string } };
}

const image = `registry.example/criteo-segment-export@sha256:${'0'.repeat(64)}`;

/** Of these projects the API server has no schemas; tests in test/integration/gitops/, monitoring/ and pulumi/ look at what is written for them. */
const foreignGroups = [
  'argoproj.io',
  'kustomize.toolkit.fluxcd.io',
  'monitoring.coreos.com',
  'notification.toolkit.fluxcd.io',
  'source.toolkit.fluxcd.io',
];

/** Prometheus' own files, which hold no objects of Kubernetes. */
const noManifests = ['prometheus.yml', 'rules.yaml', 'rules.test.yaml'].map(
  (name) => `examples/monitoring/${name}`,
);

/** Every manifest of examples/ but those of other projects' kinds. */
export function exampleManifests(): Written[] {
  return writtenExamples().filter((written) => !isForeign(written));
}

/** The manifests of examples/ for GitOps tools and Prometheus Operator. */
export function foreignManifests(): Written[] {
  return writtenExamples().filter(isForeign);
}

function isForeign({ object }: Written): boolean {
  return foreignGroups.some((group) => object.apiVersion.startsWith(`${group}/`));
}

function writtenExamples(): Written[] {
  const files = globSync('examples/**/*.{yaml,yml}', { cwd: repositoryDirectory }).sort();
  const manifests = files.filter((file) => !noManifests.includes(file));
  return manifests.flatMap((from) =>
    parseAllDocuments(readFileSync(join(repositoryDirectory, from), 'utf8')).map((document) => ({
      from,
      object: document.toJS(),
    })),
  );
}

/** What an installation and an uninstallation apply, as deploy/ builds it. */
export function installedManifests(): Written[] {
  const options = { ...defaultOptions, image, allowedBaseUrls: ['https://criteo.example'] };
  return [...manifests(options), uninstallJob(options)].map((object) => ({
    from: 'deploy/',
    object: object as Written['object'],
  }));
}

/** What the controller makes for an export and its connection, all that there is. */
export function childManifests(): Written[] {
  const used = connection({ spec: withLedger });
  const resource = segmentExport({
    metadata: { annotations: { 'segmentexport.io/requestedAt': timeAt(0) } },
    spec: { schedule: { cron: '0 4 * * *' } as never },
  });
  const plans = [
    exportPlan(observedExport({ export: resource, connection: used }), 1, { ...settings, image }),
    connectionPlan({ connection: connection({ spec: withLedger, status: { observedGeneration: -1 } }) }, 0, {
      ...settings,
      image,
    }),
  ];
  const children = plans.flatMap(({ actions }) =>
    actions.flatMap((action) => [
      ...('cronJob' in action ? [action.cronJob] : []),
      ...('job' in action ? [action.job] : []),
      ...('claim' in action ? [action.claim] : []),
    ]),
  );
  return children.map((object) => ({ from: 'the controller', object: object as Written['object'] }));
}
