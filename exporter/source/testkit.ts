import { createDispatcher } from '../criteo/exchange.ts';
import { fakeClock, silentLog } from '../testkit.ts';
import type { SourceSurroundings } from './open.ts';

/** The surroundings of a source in a test: a directory as the mounted claim, and nothing else. */
export function surroundingsOf(
  directory: string,
  others: Partial<SourceSurroundings> = {},
): SourceSurroundings {
  return {
    directory,
    credentialsDirectory: '/does-not-exist',
    caDirectory: '/does-not-exist',
    identityToken: '/does-not-exist',
    dispatcher: createDispatcher('/does-not-exist'),
    clock: fakeClock(),
    log: silentLog,
    ...others,
  };
}
