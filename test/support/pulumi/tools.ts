import { join } from 'node:path';

/**
 * Programs that `npm run test:pulumi` needs; it takes them from PATH as they are, and downloads none. What comes with the
 * CLI is not asked for: the CLI finds it beside itself, also where PATH has only a link to the CLI.
 */
const programs = {
  pulumi: "Pulumi's CLI",
  'pulumi-resource-kubernetes': "the plugin of Pulumi's Kubernetes provider",
};

/**
 * @param path As the environment's PATH.
 * @returns a line for each program that is missing; none: all are there.
 */
export function missingTools(path: string, isExecutable: (file: string) => boolean): string[] {
  const directories = path.split(':').filter((directory) => directory !== '');
  return Object.entries(programs)
    .filter(([program]) => !directories.some((directory) => isExecutable(join(directory, program))))
    .map(([program, what]) => `${program} (${what}): not in any directory of PATH`);
}
