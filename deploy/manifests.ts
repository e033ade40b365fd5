import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { deployment, namespace } from './deployment.ts';
import type { InstallOptions, Manifest } from './options.ts';
import { rbac } from './rbac.ts';

const crdDirectory = join(import.meta.dirname, '..', 'crds');

/** The CRDs as they are in crds/. */
export function crds(): Manifest[] {
  return readdirSync(crdDirectory)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => parse(readFileSync(join(crdDirectory, name), 'utf8')) as Manifest);
}

/** Everything that an installation is, in the order in which it is applied. */
export function manifests(options: InstallOptions): Manifest[] {
  return [...crds(), namespace(options), ...rbac(options), deployment(options)];
}
