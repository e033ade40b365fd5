import type { ContainerClient } from '@azure/storage-blob';
import type { AzureBlobSource } from '../../../api/rundocument.ts';
import { Fault } from '../../fault.ts';
import { maxSilenceMs } from '../../objectstore/send.ts';
import { type EntraClient, entraTokens } from '../entra.ts';
import { type FilesSourceOptions, filesSource } from '../files/files.ts';
import type { FileStore } from '../files/store.ts';
import { readSourceKeys } from '../keys.ts';
import type { SourceSurroundings } from '../open.ts';
import type { Source } from '../source.ts';
import { type AzureProof, createContainerClient } from './client.ts';
import { insightsFolder } from './insightsfolder.ts';
import { azureStore } from './store.ts';

export interface AzureSourceOptions extends Omit<FilesSourceOptions, 'store' | 'files' | 'clock'> {
  source: AzureBlobSource;
  surroundings: SourceSurroundings;
}

/** Tables in the blobs of a container. */
export function azureSource({ source, surroundings, ...wanted }: AzureSourceOptions): Source {
  const { path, settleSeconds } = source;
  const common = { ...wanted, store: openAzure(source, surroundings), clock: surroundings.clock };
  if (source.layout === 'CustomerInsights') return insightsFolder({ ...common, path, settleSeconds });
  return filesSource({ ...common, files: source });
}

/** The container. Credentials are looked for when the first of its blobs is. */
export function openAzure(
  source: AzureBlobSource,
  surroundings: SourceSurroundings,
  silenceMs = maxSilenceMs,
): FileStore {
  const { dispatcher, clock } = surroundings;
  const open = async (): Promise<ContainerClient> => {
    const proof = await proofOf(source, surroundings);
    return createContainerClient(source, proof, dispatcher, { timeoutMs: silenceMs, of: 'Silence' });
  };
  return azureStore(open, clock);
}

/** The identity; else the first that the Secret has: a SAS token, an account key, a client's secret. */
async function proofOf(source: AzureBlobSource, surroundings: SourceSurroundings): Promise<AzureProof> {
  const { credentialsDirectory } = surroundings;
  if (source.workloadIdentity) {
    return bearer(source, { ...source.workloadIdentity, proof: 'IdentityToken' }, surroundings);
  }
  const { sasToken, accountKey } = await readSourceKeys(credentialsDirectory, [], ['sasToken', 'accountKey']);
  if (sasToken !== undefined) return { sasToken };
  if (accountKey !== undefined) return { accountKey };
  const { clientSecret, ...client } = await readSourceKeys(credentialsDirectory, [
    ...(['tenantId', 'clientId', 'clientSecret'] as const),
  ]);
  return bearer(source, { ...client, proof: { clientSecret } }, surroundings);
}

function bearer(
  { endpoint, authorityHost }: AzureBlobSource,
  client: Omit<EntraClient, 'authorityHost' | 'scope'>,
  surroundings: SourceSurroundings,
): AzureProof {
  // Whoever listens could read all that the token opens, for as long as it lives.
  if (!endpoint.startsWith('https://')) throw new Fault('SourceForbidden', { code: 'token-needs-https' });
  const scope = 'https://storage.azure.com/.default';
  return { tokens: entraTokens({ authorityHost, scope, ...client }, surroundings) };
}
