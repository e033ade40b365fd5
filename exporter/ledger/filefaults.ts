import { constants } from 'node:os';
import type { RunReason } from '../../api/reasons.ts';
import { errnoOf } from '../errno.ts';
import { Fault } from '../fault.ts';

const { errno } = constants;

/** By number, because Node has no name for some of them, ESTALE and EDQUOT among these. */
const reasonOf = new Map<number, RunReason>([
  [errno.ENOSPC, 'LedgerFull'],
  [errno.EDQUOT, 'LedgerFull'],
  [errno.EFBIG, 'LedgerFull'],
  [errno.EROFS, 'LedgerReadOnly'],
  [errno.EACCES, 'LedgerForbidden'],
  [errno.EPERM, 'LedgerForbidden'],
]);

/** What a file system that has no hard links answers to one. */
const withoutLinks = new Set<number>([
  errno.EPERM,
  errno.ENOTSUP,
  errno.EOPNOTSUPP,
  errno.ENOSYS,
  errno.EMLINK,
  errno.EXDEV,
  errno.EINVAL,
]);

/**
 * The fault that an error of the file system means. What is not the user's to mend is taken for
 * passing: a mount that is missing (ENOENT), or whose server is away (EIO, ESTALE, ETIMEDOUT, ...).
 */
export function fileFault(error: unknown): unknown {
  const number = errnoOf(error);
  return number === undefined ? error : new Fault(reasonOf.get(number) ?? 'LedgerUnavailable');
}

export function hasNoLinks(error: unknown): boolean {
  const number = errnoOf(error);
  return number !== undefined && withoutLinks.has(number);
}
