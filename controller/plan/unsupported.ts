import type { CriteoSegmentExportSpec } from '../../api/generated/criteosegmentexport.ts';
import { annotations } from '../../api/names.ts';
import type { ObjectMeta } from './kubernetes.ts';

/**
 * The API was designed once and is built in steps. What is not built yet is
 * refused by name: a field that is silently ignored would upload the wrong people.
 */
export function unsupportedExportFields(spec: CriteoSegmentExportSpec, metadata: ObjectMeta): string[] {
  const fields: string[] = [];
  if (spec.runAfter !== undefined) fields.push('spec.runAfter');
  if (metadata.annotations?.[annotations.cancelledRun] !== undefined) {
    fields.push(`metadata.annotations[${annotations.cancelledRun}]`);
  }
  return fields;
}

export function unsupportedMessage(fields: readonly string[]): string {
  return `${fields.join(', ')}: not supported by this release; remove ${fields.length === 1 ? 'it' : 'them'} to have the resource used. Nothing runs meanwhile.`;
}
