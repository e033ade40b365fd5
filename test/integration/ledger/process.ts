import { fileURLToPath } from 'node:url';
import { run } from '../../cluster/run.ts';
import { NodeChild } from '../../support/childprocess.ts';
import type { Place } from './homes.ts';

const program = fileURLToPath(new URL('party.ts', import.meta.url));

/** Starts party.ts. */
export function startParty(place: Place, args: readonly string[]): NodeChild {
  return new NodeChild(program, [JSON.stringify(place), ...args], {});
}

export interface PartyOptions {
  env?: Record<string, string>;
  /** It may do only what permissions allow, as the pod's user, even where root runs the tests. */
  heedsPermissions?: boolean;
}

/** Runs it to its end; what it said. */
export async function runParty(
  place: Place,
  args: readonly string[],
  { env = {}, heedsPermissions = false }: PartyOptions = {},
): Promise<string> {
  const isRoot = process.getuid?.() === 0;
  const prefix =
    heedsPermissions && isRoot ? ['setpriv', '--bounding-set', '-dac_override,-dac_read_search', '--'] : [];
  const [command = '', ...rest] = [...prefix, process.execPath, program, JSON.stringify(place), ...args];
  const said = await run(command, rest, { env: { PATH: process.env.PATH ?? '', ...env } });
  return said.trim();
}
