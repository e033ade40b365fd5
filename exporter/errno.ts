import { constants } from 'node:os';

const { errno } = constants;

/**
 * The number of an error of the file system; undefined where it is another error. By number, because Node
 * has no name for some of them, ESTALE and EDQUOT among these.
 */
export function errnoOf(error: unknown): number | undefined {
  if (!(error instanceof Error && 'errno' in error && typeof error.errno === 'number')) return undefined;
  return -error.errno;
}

export function isErrno(error: unknown, name: keyof typeof errno): boolean {
  return errnoOf(error) === errno[name];
}
