import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import type { Manifest } from './options.ts';

/**
 * What manifests take from files of the repository. The Pulumi package has no such files: scripts/pulumipackage.ts puts
 * in the place of this module one whose functions return the same.
 */
const repository = join(import.meta.dirname, '..');
const read = (...path: string[]): string => readFileSync(join(repository, ...path), 'utf8');

/** The CRDs, then the admission policies, as they are in crds/. */
export function contract(): Manifest[] {
  return readdirSync(join(repository, 'crds'))
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((name) => parseAllDocuments(read('crds', name)))
    .map((document) => document.toJS() as Manifest);
}

/** Groups of alerts, as a Prometheus rule file and a PrometheusRule have them. */
export function alertGroups(): object[] {
  return (parse(read('examples', 'monitoring', 'rules.yaml')) as { groups: object[] }).groups;
}

/** The dashboard, as Grafana imports it. */
export function dashboardText(): string {
  return read('examples', 'monitoring', 'dashboard.json');
}
