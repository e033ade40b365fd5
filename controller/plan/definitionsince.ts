import type { CriteoSegmentExport, DefinitionStatus } from '../../api/generated/criteosegmentexport.ts';
import { shortHash } from '../../api/hash.ts';

/** When runs start is no part of what they do. */
const starts: readonly string[] = ['suspend', 'schedule', 'runAfter', 'runAfterPolicy'];

/**
 * The generation in which the definition of what a run does was last changed. Runs, plans and approvals carry it: after
 * a suspend and a resume, or with another time, what was known of the runs before is as true as it was.
 *
 * A field that a newer CRD gives a default makes another hash: then the generation of today counts, as if that had been
 * changed, and what waits for an approval is asked for once more where the export had been suspended since.
 */
export function definitionStatus({ metadata, spec, status }: CriteoSegmentExport): DefinitionStatus {
  const { generation = 1 } = metadata;
  const definition = Object.entries(spec).filter(([field]) => !starts.includes(field));
  const hash = shortHash(Object.fromEntries(definition), 16);
  const known = status?.definition;
  // A status that was restored into another cluster may be of a generation that is yet to come.
  const isSame = known?.hash === hash && known.generation <= generation;
  return { hash, generation: isSame ? known.generation : generation };
}

export function definitionGeneration(resource: CriteoSegmentExport): number {
  return definitionStatus(resource).generation;
}
