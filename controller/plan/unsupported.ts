import type { CriteoSegmentExportSpec } from '../../api/generated/criteosegmentexport.ts';

/**
 * The API was designed once and is built in steps. What is not built yet is
 * refused by name: a field that is silently ignored would upload the wrong people.
 */
export function unsupportedExportFields(spec: CriteoSegmentExportSpec): string[] {
  const fields: string[] = [];
  if (spec.runAfter !== undefined) fields.push('spec.runAfter');
  return fields;
}

export function unsupportedMessage(fields: readonly string[]): string {
  return `${fields.join(', ')}: not supported by this release; remove ${fields.length === 1 ? 'it' : 'them'} to have the resource used. Nothing runs meanwhile.`;
}
