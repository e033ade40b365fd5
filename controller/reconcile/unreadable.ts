import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExport } from '../../api/generated/criteosegmentexport.ts';
import { planUnreadable } from '../plan/unreadable.ts';
import { isInvalid } from '../runtime/errors.ts';
import type { Resource } from '../runtime/resource.ts';
import type { ReconcileContext } from './exports.ts';

/**
 * Tells what is wrong with an object that no plan may look at. The API server checks the whole object when its status
 * is written, and may refuse that for the very fault: then the event and the log have to do.
 */
export async function tellUnreadable<T extends CriteoConnection | CriteoSegmentExport>(
  resource: Resource<T>,
  object: T,
  why: string,
  { clock, executor }: Pick<ReconcileContext, 'clock' | 'executor'>,
  signal: AbortSignal,
): Promise<void> {
  const plan = planUnreadable<object>(object, why, clock.now());
  try {
    await executor.execute(resource, object, plan, signal);
  } catch (error) {
    if (!isInvalid(error)) throw error;
    const unchanged = { ...plan, status: object.status ?? {} };
    await executor.execute(resource, { ...object, status: unchanged.status }, unchanged, signal);
  }
}
