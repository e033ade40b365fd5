import * as pulumi from '@pulumi/pulumi';
import { fieldPath } from '../api/validation/messages.ts';

/** What a preview knows of a value, and where it does not know it yet. */
export interface KnownPart {
  /** The value with null in the place of what is not known. */
  value: unknown;
  /** Paths of what is not known, as the validation writes them: `spec.source.s3.bucket`. */
  unknown: string[];
}

export function knownPart(value: unknown, path: string): KnownPart {
  if (pulumi.isUnknown(value)) return { value: null, unknown: [path] };
  if (typeof value !== 'object' || value === null) return { value, unknown: [] };
  const parts = Object.entries(value).map(
    ([key, child]) => [key, knownPart(child, fieldPath(path, key))] as const,
  );
  const unknown = parts.flatMap(([, part]) => part.unknown);
  if (Array.isArray(value)) return { value: parts.map(([, part]) => part.value), unknown };
  return { value: Object.fromEntries(parts.map(([key, part]) => [key, part.value])), unknown };
}

/** Whether what is wrong with a field may be so only because of what is not known: of it, or of something in it. */
export function mayBeUnknown(field: string, unknown: readonly string[]): boolean {
  return unknown.some(
    (path) => path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`),
  );
}
