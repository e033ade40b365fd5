import type { CriteoConnectionSpec } from '../../api/generated/criteoconnection.ts';
import type { CriteoSegmentExportSpec } from '../../api/generated/criteosegmentexport.ts';
import { annotations } from '../../api/names.ts';
import type { ObjectMeta } from './kubernetes.ts';

/**
 * The API was designed once and is built in steps. What is not built yet is
 * refused by name: a field that is silently ignored would upload the wrong people.
 */
export function unsupportedConnectionFields(spec: CriteoConnectionSpec): string[] {
  const fields: string[] = [];
  if (spec.requireConsent === true) fields.push('spec.requireConsent: true');
  return fields;
}

export function unsupportedExportFields(spec: CriteoSegmentExportSpec, metadata: ObjectMeta): string[] {
  const fields: string[] = [];
  for (const source of ['s3', 'azureBlob', 'postgresql', 'customerInsights'] as const) {
    if (spec.source[source] !== undefined) fields.push(`spec.source.${source}`);
  }
  const format = spec.source.file?.format;
  if (format !== undefined && format !== 'CSV') fields.push(`spec.source.file.format: ${format}`);
  if (spec.maxSourceAgeSeconds !== undefined) fields.push('spec.maxSourceAgeSeconds');
  if (spec.runAfter !== undefined) fields.push('spec.runAfter');
  for (const field of ['tolerations', 'priorityClassName', 'labels', 'serviceAccountName'] as const) {
    if (spec.job?.[field] !== undefined) fields.push(`spec.job.${field}`);
  }
  if (metadata.annotations?.[annotations.cancelledRun] !== undefined) {
    fields.push(`metadata.annotations[${annotations.cancelledRun}]`);
  }
  return fields;
}

/** More would push what to do about it out of the message. */
const maxNamed = 6;

export function unsupportedMessage(fields: readonly string[]): string {
  const more = fields.length > maxNamed ? ` and ${fields.length - maxNamed} more` : '';
  return `${fields.slice(0, maxNamed).join(', ')}${more}: not supported by this release; remove ${fields.length === 1 ? 'it' : 'them'} to have the resource used. Nothing runs meanwhile.`;
}
