import { Tokens } from './entra.ts';
import { Faults } from './faults.ts';
import { Journal } from './journal.ts';
import { ServiceProtection } from './limits.ts';
import {
  type Behaviour,
  behaviourSchema,
  type Client,
  type DataverseOptions,
  defaultBehaviour,
  defaultClient,
  defaultTenants,
} from './options.ts';
import { People } from './people.ts';

/** All that one sandbox knows. A reset makes a new one. */
export type State = {
  behaviour: Behaviour;
  tenants: string[];
  clients: Map<string, Client>;
  organizationUrl: string | undefined;
  tokens: Tokens;
  protection: ServiceProtection;
  people: People;
  faults: Faults;
  journal: Journal;
  now: () => number;
};

export function createState(options: DataverseOptions): State {
  const given = Object.entries(options).filter(([name]) => Object.hasOwn(behaviourSchema.properties, name));
  return {
    behaviour: structuredClone({ ...defaultBehaviour, ...Object.fromEntries(given) }),
    tenants: (options.tenants ?? defaultTenants).map((tenant) => tenant.toLowerCase()),
    clients: new Map(
      (options.clients ?? [defaultClient]).map((client) => [client.clientId, structuredClone(client)]),
    ),
    organizationUrl: options.organizationUrl,
    tokens: new Tokens(),
    protection: new ServiceProtection(),
    people: new People(),
    faults: new Faults(),
    journal: new Journal(),
    now: options.now ?? Date.now,
  };
}
