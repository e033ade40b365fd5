import { hash } from 'node:crypto';
import { defaultClient, defaultTenants, startDataverse } from '../../dataverse/dataverse.ts';
import { readList } from './people.ts';
import { type Serving, tableOf, tableSegments } from './served.ts';

/** The list as profiles and memberships of a sandbox of Dataverse; its own Entra ID gives the tokens. */
export async function serveCustomerInsights(host: string): Promise<Serving> {
  const sandbox = await startDataverse({ host });
  const rows = await readList();
  sandbox.putPeople(
    rows.map(({ customer_id, email, segment }) => ({
      // Customer Insights' own ids are 32 hexadecimal digits.
      id: hash('md5', customer_id),
      columns: { msdynci_email: email },
      segments: [tableOf(segment)],
    })),
  );
  const { clientId, clientSecret = '' } = defaultClient;
  return {
    spec: {
      match: { email: { field: 'msdynci_email' } },
      source: {
        customerInsights: {
          environmentUrl: sandbox.url,
          authorityHost: sandbox.url,
          tenantId: defaultTenants[0] ?? '',
          credentialsSecretRef: { name: 'insights-reader' },
        },
      },
      segments: tableSegments,
    },
    secrets: { 'insights-reader': { clientId, clientSecret } },
    allowedSourceEndpoint: sandbox.url,
    allowedAuthorityHost: sandbox.url,
    says: `A sandbox of Entra ID and Dataverse at ${sandbox.url} has the list as profiles and memberships`,
    stop: () => sandbox.close(),
  };
}
