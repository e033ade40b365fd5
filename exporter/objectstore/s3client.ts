import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { Dispatcher } from 'undici';
import { undiciHandler } from './s3handler.ts';
import type { Patience } from './send.ts';

/** Attempts that the SDK makes of one call, until its reply begins. */
export const attempts = 3;

/**
 * A client of the store. Every setting that the SDK would look up in the environment, in files or in the
 * cloud's metadata service is given: in a pod it would find those of somebody else.
 */
export function createS3Client(
  { endpoint, region }: { endpoint?: string; region: string },
  credentials: NonNullable<S3ClientConfig['credentials']>,
  dispatcher: Dispatcher,
  patience: Patience,
): S3Client {
  return new S3Client({
    region,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ignoreConfiguredEndpointUrls: true,
    credentials,
    requestHandler: undiciHandler(dispatcher, patience),
    maxAttempts: attempts,
    retryMode: 'standard',
    defaultsMode: 'standard',
    // Other checksums than S3's first ones are unknown to some stores.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // undici knows no "Expect: 100-continue".
    expectContinueHeader: false,
    authSchemePreference: ['sigv4'],
    sigv4aSigningRegionSet: async () => undefined,
    userAgentAppId: async () => undefined,
    useArnRegion: false,
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    disableS3ExpressSessionAuth: false,
    disableMultiregionAccessPoints: true,
  });
}
