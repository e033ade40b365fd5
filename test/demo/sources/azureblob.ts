import { startAzurite } from '../../support/azurite.ts';
import { type Row, readList } from './people.ts';
import { type Serving, tableOf, tableSegments } from './served.ts';

const directory = 'CustomerInsights_00000000-0000-0000-0000-000000000000/daily';
const run = '2026/11/22/0312';

/** The list as Customer Insights exports it: a folder a segment and run, without header lines, and a model.json. */
export async function serveAzureBlob(host: string): Promise<Serving> {
  const store = await startAzurite({ host });
  const rows = await readList();
  const entities = tableSegments.map(({ name }) => ({
    name,
    attributes: [{ name: 'CustomerId' }, { name: 'EMail' }],
    partitions: [
      {
        name: `${name}_1`,
        location: `${store.endpoint}/${store.container}/${directory}/${name}/${run}/${name}_1.csv`,
      },
    ],
  }));
  for (const { name } of tableSegments) {
    const members = rows.filter(({ segment }) => tableOf(segment) === name);
    await store.put(`${directory}/${name}/${run}/${name}_1.csv`, members.map(csvLine).join(''));
  }
  await store.put(`${directory}/model.json`, JSON.stringify({ name: 'daily', version: '1.0', entities }));
  const { endpoint, container } = store;
  return {
    spec: {
      match: { email: { field: 'EMail' } },
      source: {
        azureBlob: {
          endpoint,
          container,
          path: directory,
          layout: 'CustomerInsights',
          // The folders were written just now, and by nobody who comes back to them.
          settleSeconds: 0,
          credentialsSecretRef: { name: 'azure-storage' },
        },
      },
      segments: tableSegments,
    },
    secrets: { 'azure-storage': { sasToken: store.sasToken() } },
    allowedSourceEndpoint: new URL(endpoint).origin,
    says: `A blob store (Azurite) at ${endpoint} has the list as Customer Insights exports it, below ${directory}`,
    stop: () => store.stop(),
  };
}

function csvLine({ customer_id, email }: Row): string {
  return `${[customer_id, email].map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\r\n`;
}
