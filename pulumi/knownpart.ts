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
  const parts = fieldsOf(value).map(([key, child]) => [key, knownPart(child, fieldPath(path, key))] as const);
  const unknown = parts.flatMap(([, part]) => part.unknown);
  if (Array.isArray(value)) return { value: parts.map(([, part]) => part.value), unknown };
  return { value: Object.fromEntries(parts.map(([key, part]) => [key, part.value])), unknown };
}

/** The checked value of a known part with what is not known in its place again: there may be a default there. */
export function withUnknown(checked: unknown, given: unknown): unknown {
  if (pulumi.isUnknown(given)) return given;
  if (typeof given !== 'object' || given === null) return checked;
  const parts = fieldsOf(given)
    .filter(([key, child]) => knownPart(child, key).unknown.length > 0)
    .map(([key, child]) => [key, withUnknown((checked as Record<string, unknown>)[key], child)] as const);
  return Object.assign(
    Array.isArray(checked) ? [...checked] : { ...(checked as object) },
    Object.fromEntries(parts),
  );
}

/** Without those that are undefined: Pulumi sends none of them, and so does a program that chooses by `x ? {} : undefined`. */
function fieldsOf(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, child]) => Array.isArray(value) || child !== undefined);
}

/** Whether what is wrong with a field may be so only because of what is not known: of it, around it or in it. */
export function mayBeUnknown(field: string, unknown: readonly string[]): boolean {
  return unknown.some((path) => path === field || isIn(path, field) || isIn(field, path));
}

function isIn(path: string, parent: string): boolean {
  return path.startsWith(`${parent}.`) || path.startsWith(`${parent}[`);
}
