import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { defaultClient, startDataverse } from './dataverse.ts';

const usage = `Usage: npm run dataverse -- [options]

A sandbox of Entra ID's token endpoint and of the Dataverse Web API of one organization, with
the tables of Customer Insights in memory. test/dataverse/README.md tells what it plays, and
how it is filled and told to fail over HTTP.

  --host ADDRESS              default 127.0.0.1
  --port PORT                 default: a free one
  --client-secret-file FILE   the secret of the client ${defaultClient.clientId}; default: its well-known one
  --organization-url URL      what scopes and links name; default: what the caller's Host header says`;

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    'client-secret-file': { type: 'string' },
    'organization-url': { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (values.help) {
  console.log(usage);
} else {
  const { 'client-secret-file': secretFile, 'organization-url': organizationUrl } = values;
  const sandbox = await startDataverse({
    host: values.host,
    port: Number(values.port),
    ...(organizationUrl === undefined ? {} : { organizationUrl }),
  });
  if (secretFile !== undefined) {
    const clientSecret = (await readFile(secretFile, 'utf8')).trim();
    sandbox.putClient({ ...defaultClient, clientSecret });
  }
  console.log(
    `A sandbox of Dataverse listens on ${sandbox.url}; GET ${sandbox.url}/sandbox lists its controls`,
  );
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => void sandbox.close());
}
