import type { Call, Outcome } from './request.ts';

/** GET /advertisers/me: the advertisers that consented to the client. */
export function listAdvertisers({ client }: Call): Outcome {
  const data = client.advertisers.map(({ id, name }) => ({
    type: 'advertiser',
    id,
    attributes: { advertiserName: name },
  }));
  return { body: { data, errors: [], warnings: [] }, refusedData: [] };
}

/** GET /marketing-solutions/me: the application that the token belongs to. */
export function currentApplication({ client }: Call): Outcome {
  const attributes = {
    applicationId: 1,
    organizationId: 1,
    name: client.clientId,
    description: 'An application of the sandbox',
    criteoService: 'MarketingSolutions',
  };
  return { body: { data: { type: 'Application', attributes }, errors: [], warnings: [] } };
}
