import { rename, writeFile } from 'node:fs/promises';
import { serveAzureBlob } from './azureblob.ts';
import { serveCustomerInsights } from './customerinsights.ts';
import { servePostgresql } from './postgresql.ts';
import { serveS3 } from './s3.ts';
import type { Serving } from './served.ts';

/**
 * Serves the example's list, as a program of its own, so that it can outlive the demo.
 *
 * node main.ts KIND HOST FILE; writes what an export of it needs to FILE once all is there.
 */
const [, , kind = '', host = '', file = ''] = process.argv;

const kinds: Record<string, (host: string) => Promise<Serving>> = {
  s3: serveS3,
  postgresql: servePostgresql,
  azureBlob: serveAzureBlob,
  customerInsights: serveCustomerInsights,
};

const serve = kinds[kind];
if (!serve) throw new Error(`no source ${kind}`);
const serving = await serve(host);
await writeFile(`${file}.new`, JSON.stringify(serving), { mode: 0o600 });
await rename(`${file}.new`, file);
// Keeps the program until it is told to end.
const forever = setInterval(() => undefined, 2 ** 30);
process.once('SIGTERM', () => {
  clearInterval(forever);
  void serving.stop();
});
