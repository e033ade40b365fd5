import { parseFlags } from '../controller/flags.ts';
import type { Settings } from '../controller/plan/settings.ts';
import { controllerFlags } from './deployment.ts';
import type { InstallOptions } from './options.ts';

/** The settings as the controller will read them from its flags, the further ones included. */
export function settingsOf(options: InstallOptions): Settings {
  const flags = parseFlags(controllerFlags(options));
  if (flags === 'help') throw new Error('extraFlags: --help is no flag of an installation.');
  return flags.settings;
}
