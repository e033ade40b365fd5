import { parseFlags } from '../controller/flags.ts';
import type { Settings } from '../controller/plan/settings.ts';
import { controllerFlags } from './deployment.ts';
import type { InstallOptions } from './options.ts';

/** Flags that an installation sets itself, and by what: another value would not fit what stands around the controller. */
const ownFlags: Readonly<Record<string, string>> = {
  '--exporter-image': 'it is the image of the controller',
  '--namespace': 'it comes with a Role in each namespace: set the watched namespaces in its place',
  '--leader-election-namespace': 'its Role for Leases is in the namespace of the controller',
  '--health-host': 'the probes ask there',
  '--health-port': 'the probes ask there',
  '--kubeconfig': 'the controller uses its service account',
  '--context': 'the controller uses its service account',
  '--release-finalizers': 'with it the controller runs nothing, and ends',
  '--help': 'with it the controller runs nothing, and ends',
};

/** The settings as the controller will read them from its flags, the further ones included. */
export function settingsOf(options: InstallOptions): Settings {
  for (const flag of options.extraFlags) {
    const [name = ''] = flag.split('=', 1);
    const reason = Object.hasOwn(ownFlags, name) ? ownFlags[name] : undefined;
    if (reason) throw new Error(`${name}: it is no further flag of an installation; ${reason}.`);
  }
  const flags = parseFlags(controllerFlags(options));
  if (flags === 'help') throw new Error('--help: it is no further flag of an installation.');
  return flags.settings;
}
