import { Fault } from '../../../fault.ts';

/** @throws Fault SourceDamaged where it is not so. */
export function sound(isSo: boolean): void {
  if (!isSo) throw new Fault('SourceDamaged');
}

/** What the work gives; whatever fails within it, but for faults, is the data's damage: libraries take it to be sound. */
export function orDamaged<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Fault ? error : new Fault('SourceDamaged');
  }
}
