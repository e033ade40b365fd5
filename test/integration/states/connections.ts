import { connectionName, goodCredentials, hasReason, type Shop } from '../controller/shop.ts';
import { patchConnection, readyConnection, type Story } from './story.ts';

const applied =
  (reason: string, spec: object = {}) =>
  async (shop: Shop): Promise<void> => {
    await shop.apply(shop.connection(spec));
    await shop.untilConnection(reason, hasReason('Ready', reason));
  };

const prepared = (shop: Shop): Promise<void> => shop.prepare();

async function accepted(shop: Shop): Promise<void> {
  await readyConnection(shop);
  await shop.untilEvent('CredentialsAccepted', connectionName);
}

/** Rows of docs/states.md, "Connections". */
export const connections: Record<string, Story> = {
  'just applied, and not seen by the controller yet': {
    without: 'ControllerYet',
    reach: (shop) => shop.apply(shop.connection()),
  },
  'its credentials are being checked': {
    before: async (shop) => {
      await shop.prepare();
      shop.sandbox.addFault({ kind: 'delay', milliseconds: 150_000, path: '/token$', times: 'always' });
    },
    reach: applied('Checking'),
  },
  'Criteo accepted the credentials': { before: prepared, reach: applied('CredentialsAccepted') },
  'Criteo accepted them, and will stop to serve its API version': {
    sandbox: { deprecatedVersions: { '2026-07': { sunset: 'Fri, 02 Jul 2027 00:00:00 GMT' } } },
    before: prepared,
    reach: applied('CredentialsAccepted'),
  },
  'its Secret does not exist': { before: async () => undefined, reach: applied('SecretNotFound') },
  'Criteo refused the credentials': {
    before: (shop) => shop.putSecret({ ...goodCredentials, clientSecret: 'of-last-year' }),
    reach: applied('CredentialsRefused'),
  },
  'Criteo could not be reached': {
    waits: true,
    before: async (shop) => {
      await shop.prepare();
      shop.sandbox.addFault({ kind: 'status', status: 503, path: '/token$', times: 'always' });
    },
    reach: applied('CriteoUnavailable'),
  },
  'the definition was changed a moment ago': {
    before: accepted,
    without: 'ControllerAnyMore',
    reach: (shop) => patchConnection(shop, { displayName: 'Changed' }),
  },
  'its base URL is not allowed': {
    before: prepared,
    reach: applied('BaseUrlNotAllowed', { api: { baseUrl: 'https://collector.example' } }),
  },
  'Kubernetes refuses the Job of its check: a quota, a policy': {
    before: async (shop) => {
      await shop.prepare();
      await shop.forbid('Job', 'no-jobs');
    },
    reach: applied('ChildRefused'),
  },
  suspended: {
    before: accepted,
    reach: async (shop) => {
      await patchConnection(shop, { suspend: true });
      await shop.untilConnection('Suspended', hasReason('Ready', 'Suspended'));
    },
  },
  'its agreement was taken back': {
    before: accepted,
    reach: async (shop) => {
      await patchConnection(shop, { dataPrivacy: { agreed: false } });
      await shop.untilConnection('ConsentWithdrawn', hasReason('Ready', 'ConsentWithdrawn'));
    },
  },
  'being deleted': {
    before: async (shop) => {
      await accepted(shop);
      // A connection has no finalizer of ours: it goes at once, but for one of somebody else.
      await shop.patch('CriteoConnection', connectionName, {
        metadata: { finalizers: ['example.com/wait'] },
      });
    },
    reach: (shop) => shop.delete('CriteoConnection', connectionName),
  },
};
