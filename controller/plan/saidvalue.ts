import type { ObjectMeta } from './kubernetes.ts';
import { cut } from './text.ts';

/** As long as status keeps it; a Job's name and an RFC 3339 time are shorter. */
const maxLength = 64;

/** What a person wrote into an annotation of an export, to be compared with what status remembers of it. */
export function saidValue(metadata: ObjectMeta, annotation: string): string | undefined {
  const value = metadata.annotations?.[annotation];
  return value === undefined ? undefined : cut(value, maxLength);
}
