import type { Dispatcher } from 'undici';
import type { ExportRun } from '../../api/rundocument.ts';
import type { Clock } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { Log } from '../log.ts';
import { fileSource } from './files/file.ts';
import type { Source } from './source.ts';

/** What sources need of the world. */
export interface SourceSurroundings {
  /** Where the claim is mounted. */
  directory: string;
  /** Directory of the Secret's keys; empty where it does not exist. */
  credentialsDirectory: string;
  /** Directory of the authorities of the source's own. */
  caDirectory: string;
  /** File with the service account's token; the kubelet renews it, so it is read each time. */
  identityToken: string;
  /** URL of AWS' token service, where it is not that of the region. */
  stsEndpoint?: string;
  /** The connections of the run: by way of the proxy, trusting the controller's bundle too. */
  dispatcher: Dispatcher;
  /** What connects without the dispatcher refuses addresses of the pod itself and of its node's link, as that does. */
  refusesLocal?: boolean;
  clock: Clock;
  log: Log;
}

/** The source that a run document names. */
export function openSource(document: ExportRun, surroundings: SourceSurroundings): Source {
  const { field, fallbackFields } = document.match.email;
  const wanted = {
    fields: [field, ...fallbackFields],
    consent: document.consent,
    segments: document.segments.map(({ name }) => name),
  };
  const { file, s3, azureBlob, postgresql, customerInsights } = document.source;
  if (file) {
    const { directory, clock } = surroundings;
    return fileSource({ ...wanted, directory, clock, files: file });
  }
  if (s3) {
    return lazily(async () => {
      const { s3Source } = await import('./s3/source.ts');
      return s3Source({ ...wanted, source: s3, surroundings });
    });
  }
  if (azureBlob) {
    return lazily(async () => {
      const { azureSource } = await import('./azure/source.ts');
      return azureSource({ ...wanted, source: azureBlob, surroundings });
    });
  }
  if (postgresql) {
    return lazily(async () => {
      const { postgresqlSource } = await import('./postgresql/source.ts');
      return postgresqlSource({ ...wanted, source: postgresql, surroundings });
    });
  }
  if (customerInsights) {
    return lazily(async () => {
      const { customerInsightsSource } = await import('./insights/source.ts');
      return customerInsightsSource({ ...wanted, source: customerInsights, surroundings });
    });
  }
  throw new Fault('RunDocumentInvalid');
}

/** A source whose libraries are loaded when it is read, and only then. */
function lazily(open: () => Promise<Source>): Source {
  return {
    read: async function* (signal) {
      yield* (await open()).read(signal);
    },
  };
}
