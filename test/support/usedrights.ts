import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Rule } from '../../deploy/rbac.ts';
import { localDirectory } from '../cluster/paths.ts';

/**
 * What the controller used of its rights, as the API server's audit log tells it: each
 * integration test with a controller leaves its part here, and the run of them all compares.
 */
const directory = join(localDirectory, 'used-rights');

/** `<verb> <resource>.<group>/<subresource>`. */
export type Right = string;

/** Asked by an admission plugin, so that no request shows them: the test that fails without them. */
const askedByAdmission: Record<Right, string> = {
  'update criteoconnections.segmentexport.io/finalizers': 'test/integration/access/ownerreferences.test.ts',
  'update criteosegmentexports.segmentexport.io/finalizers':
    'test/integration/access/ownerreferences.test.ts',
};

interface AuditEvent {
  verb: string;
  userAgent?: string;
  objectRef?: { apiGroup?: string; resource?: string; subresource?: string };
  requestURI: string;
  responseStatus?: { code?: number };
}

/** Of the requests that the controller itself made, and not a test with its token. */
export function usedRights(auditLog: string): Set<Right> {
  const rights = new Set<Right>();
  // The API server may be writing still: what follows the last line's end is half a line.
  const lines = auditLog.split('\n').slice(0, -1);
  for (const line of lines.filter((text) => text !== '')) {
    const { verb, userAgent, objectRef, responseStatus } = JSON.parse(line) as AuditEvent;
    if (!userAgent?.startsWith('criteo-segment-export/') || objectRef?.resource === undefined) continue;
    const { resource, apiGroup = '', subresource } = objectRef;
    const what = subresource === undefined ? resource : `${resource}/${subresource}`;
    rights.add(rightOf(verb, apiGroup, what));
    // An apply of what is not there is asked for both.
    if (verb === 'patch' && responseStatus?.code === 201) rights.add(rightOf('create', apiGroup, what));
  }
  return rights;
}

export function grantedRights(rules: readonly Rule[]): Set<Right> {
  return new Set(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => rightOf(verb, group, resource))),
      ),
    ),
  );
}

function rightOf(verb: string, group: string, path: string): Right {
  const [resource = '', subresource] = path.split('/');
  const name = group === '' ? resource : `${resource}.${group}`;
  return `${verb} ${name}${subresource === undefined ? '' : `/${subresource}`}`;
}

/** Keeps what an audit log of the controller's requests tells. */
export async function keepUsedRights(auditLogFile: string): Promise<void> {
  const log = await readFile(auditLogFile, 'utf8').catch(() => '');
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, `${crypto.randomUUID()}.json`), JSON.stringify([...usedRights(log)]));
}

export async function forgetUsedRights(): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}

/** All that was kept. */
export async function keptRights(): Promise<Set<Right>> {
  const files = await readdir(directory).catch(() => []);
  const parts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')));
  return new Set(parts.flatMap((text) => JSON.parse(text) as Right[]));
}

/** `missing`: used without a rule. `spare`: in a rule that nothing used. */
export function compareRights(
  used: ReadonlySet<Right>,
  granted: ReadonlySet<Right>,
): { missing: Right[]; spare: Right[] } {
  return {
    missing: [...used].filter((right) => !granted.has(right)).sort(),
    spare: [...granted].filter((right) => !used.has(right) && !(right in askedByAdmission)).sort(),
  };
}
