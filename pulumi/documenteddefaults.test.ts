import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defaultSettings } from '../controller/plan/settings.ts';
import { defaultOptions } from '../deploy/options.ts';

const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');

/** Of the table of arguments, by their names. */
function toldDefaults(): Record<string, string> {
  const rows = readme.matchAll(/^\| `(\w+)`(?: \*)? \| (.*?) \|/gm);
  return Object.fromEntries([...rows].map(([, name = '', usual = '']) => [name, usual.replaceAll('`', '')]));
}

test('README tells the defaults that an installation has', () => {
  const { resources, apiServerPorts, ...others } = defaultOptions;
  expect(toldDefaults()).toEqual({
    image: 'required',
    imagePullPolicy: others.imagePullPolicy,
    namespace: others.namespace,
    createNamespace: `${others.createNamespace}`,
    installDefinitions: `${others.installDefinitions}`,
    deleteCustomResourceDefinitions: 'false',
    replicas: `${others.replicas}`,
    resources: `${resources.requests?.cpu}, ${resources.requests?.memory}; at most ${resources.limits?.memory}`,
    watchedNamespaces: 'all',
    apiServerPorts: apiServerPorts.join(', '),
    allowedBaseUrls: defaultSettings.allowedBaseUrls.join(', '),
    extraFlags: 'none',
    monitoring: 'none',
  });
});
