import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repositoryDirectory } from '../../cluster/paths.ts';

export const monitoringDirectory = join(repositoryDirectory, 'examples/monitoring');

/** A file of examples/monitoring, read as YAML, of which JSON is a part. */
export function monitoringFile<T>(name: string): T {
  return parse(readFileSync(join(monitoringDirectory, name), 'utf8')) as T;
}

export interface Rule {
  alert?: string;
  record?: string;
  expr: string;
  labels?: { severity?: string };
  annotations?: Record<string, string>;
}

export const rules = monitoringFile<{ groups: { rules: Rule[] }[] }>('rules.yaml').groups.flatMap(
  (group) => group.rules,
);

export interface Panel {
  type: string;
  title: string;
  description?: string;
  datasource?: { uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { refId: string; expr: string; datasource: { uid: string } }[];
}

interface Variable {
  name: string;
  type: string;
  definition?: string;
}

export const dashboard = monitoringFile<{ panels: Panel[]; templating: { list: Variable[] } }>(
  'dashboard.json',
);

/** Those that show something: not the headlines. */
export const panels = dashboard.panels.filter(({ type }) => type !== 'row');
