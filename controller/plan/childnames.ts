import { shortHash } from '../../api/hash.ts';

/**
 * Names of CronJobs and Jobs. The CronJob controller appends up to 11
 * characters and a pod's host name takes 63, and a name with a dot makes a
 * CronJob whose every Job is refused; so: a label-safe prefix of the owner's
 * name, and a hash of what makes the child this one.
 */
const maxLength = 48;
const hashLength = 10;

export function childName(ownerName: string, kind: string, identity: unknown): string {
  const tail = `-${kind}-${shortHash(identity, hashLength)}`;
  const safe = ownerName
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .slice(0, maxLength - tail.length)
    .replaceAll(/^-+|-+$/g, '');
  return `${safe === '' ? 'x' : safe}${tail}`;
}
