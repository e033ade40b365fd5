import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { fileFault, hasNoLinks } from './filefaults.ts';

const { errno } = constants;

/** As Node's file system calls throw it. */
function errorOf(name: keyof typeof errno): Error {
  return Object.assign(new Error(`${name}: /somebody/s/path`), { errno: -errno[name], code: name });
}

test.each([
  ['ENOSPC', 'LedgerFull'],
  ['EDQUOT', 'LedgerFull'],
  ['EFBIG', 'LedgerFull'],
  ['EROFS', 'LedgerReadOnly'],
  ['EACCES', 'LedgerForbidden'],
  ['EPERM', 'LedgerForbidden'],
  ['ENOENT', 'LedgerUnavailable'],
  ['ENOTDIR', 'LedgerUnavailable'],
  ['EIO', 'LedgerUnavailable'],
  ['ESTALE', 'LedgerUnavailable'],
  ['ETIMEDOUT', 'LedgerUnavailable'],
] as const)('%s is told as %s, without the text', (name, reason) => {
  const fault = fileFault(errorOf(name));
  expect(fault).toMatchObject({ reason, message: reason });
});

test.each(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS'] as const)(
  'a link that is answered with %s is a file system without links',
  (name) => {
    expect(hasNoLinks(errorOf(name))).toBe(true);
  },
);

test('a full disk says nothing of links, and an error of ours stays one', () => {
  expect(hasNoLinks(errorOf('ENOSPC'))).toBe(false);
  const ours = new TypeError('a mistake');
  expect(fileFault(ours)).toBe(ours);
});
