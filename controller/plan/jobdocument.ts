import { annotations } from '../../api/names.ts';
import { parseRunDocument, type RunDocument } from '../../api/rundocument.ts';
import type { Job } from './kubernetes.ts';

/** What a Job itself was told to do; the definition may have changed since. */
export function documentOf(job: Job): RunDocument | undefined {
  const text = job.spec.template.metadata?.annotations?.[annotations.run];
  try {
    return parseRunDocument(text ?? '');
  } catch {
    // Edited by hand, or of another version: the report's counts are still worth telling.
    return undefined;
  }
}
