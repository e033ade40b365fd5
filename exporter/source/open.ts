import type { ExportRun } from '../../api/rundocument.ts';
import { fileSource } from './file.ts';
import type { Source } from './source.ts';

/** The source that a run document names. `directory` is where the claim is mounted. */
export function openSource(document: ExportRun, directory: string): Source {
  const { field, fallbackFields } = document.match.email;
  return fileSource({
    directory,
    file: document.source.file,
    fields: [field, ...fallbackFields],
    consent: document.consent,
    segments: document.segments.map((segment) => segment.name),
  });
}
