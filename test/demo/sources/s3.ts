import { readFile } from 'node:fs/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { startVersitygw } from '../../support/versitygw.ts';
import { listFile } from './people.ts';
import type { Serving } from './served.ts';

/** The list as one object of an S3-compatible store. */
export async function serveS3(host: string): Promise<Serving> {
  const store = await startVersitygw({ host, bucket: 'marketing-data' });
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = store;
  const credentials = { accessKeyId, secretAccessKey };
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { ...credentials } });
  const path = 'segments/people.csv.gz';
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: path, Body: await readFile(listFile) }));
  client.destroy();
  const credentialsSecretRef = { name: 'object-store' };
  return {
    spec: {
      source: { s3: { endpoint, region, bucket, path, segmentField: 'segment', credentialsSecretRef } },
    },
    secrets: { 'object-store': credentials },
    allowedSourceEndpoint: new URL(endpoint).origin,
    says: `An S3-compatible store (versitygw) at ${endpoint} has the list as ${path} in the bucket ${bucket}`,
    stop: () => store.stop(),
  };
}
