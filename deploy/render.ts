import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { manifests } from './manifests.ts';
import { defaultOptions } from './options.ts';
import { uninstallJob, uninstallSteps } from './uninstall.ts';

const usage = `Usage: npm run manifests -- [--image IMAGE] [--namespace NAME] [--allowed-base-url URL]...

Writes dist/install.yaml: CRDs, namespace, roles, admission and network policies, and the controller; and dist/uninstall.yaml, which begins with how to go.

  --image IMAGE           image of controller and exporter, by digest (${defaultImage()}; see npm run image)
  --namespace NAME        namespace of the controller (${defaultOptions.namespace})
  --watch-namespace NAME  a namespace whose exports it runs, by a Role there; may be repeated (all, by a ClusterRole)
  --api-server-port PORT  where pods reach the API server, for the network policy; may be repeated (443, 6443)
  --allowed-base-url URL  a base URL that connections may name; may be repeated (https://api.criteo.com)
  --controller-flag=FLAG  a further flag of the controller, such as --controller-flag=--allowed-job-label=team; may be repeated`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean' },
    image: { type: 'string' },
    namespace: { type: 'string' },
    'watch-namespace': { type: 'string', multiple: true },
    'api-server-port': { type: 'string', multiple: true },
    'allowed-base-url': { type: 'string', multiple: true },
    'controller-flag': { type: 'string', multiple: true },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const options = {
  ...defaultOptions,
  image: values.image ?? defaultImage(),
  ...(values.namespace === undefined ? {} : { namespace: values.namespace }),
  ...(values['watch-namespace'] === undefined ? {} : { watchedNamespaces: values['watch-namespace'] }),
  ...(values['api-server-port'] === undefined
    ? {}
    : { apiServerPorts: values['api-server-port'].map(Number) }),
  ...(values['allowed-base-url'] === undefined ? {} : { allowedBaseUrls: values['allowed-base-url'] }),
  extraFlags: values['controller-flag'] ?? defaultOptions.extraFlags,
};
const objects = manifests(options);
const directory = join(import.meta.dirname, '..', 'dist');
mkdirSync(directory, { recursive: true });
const install = join(directory, 'install.yaml');
// Anchors are for people who write YAML; not every tool that applies it reads them.
writeFileSync(
  install,
  objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join('---\n'),
);
writeFileSync(
  join(directory, 'uninstall.yaml'),
  `${uninstallSteps(options)}${stringify(uninstallJob(options))}`,
);
writeFileSync(join(directory, 'kustomization.yaml'), stringify({ resources: ['install.yaml'] }));
console.log(
  `wrote dist/install.yaml (${objects.length} objects); install with: kubectl apply --server-side -f dist/install.yaml`,
);
if (values.image === undefined) {
  console.log(`It names the image ${defaultImage()}, which no registry has: give your own with --image.`);
}

function defaultImage(): string {
  const file = join(import.meta.dirname, '..', 'package.json');
  const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name: string; version: string };
  return `${name}:${version}`;
}
