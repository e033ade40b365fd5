import {
  connectionName,
  exportName,
  goodCredentials,
  halfAYearAway,
  hasReason,
  type Shop,
} from '../controller/shop.ts';
import { applied, patchConnection, readyConnection, type Story, until } from './story.ts';

/** A connection whose check ended with this reason, or has not ended. */
const connectionWith =
  (reason: string, arrange: (shop: Shop) => unknown) =>
  async (shop: Shop): Promise<void> => {
    await shop.prepare();
    await arrange(shop);
    await shop.apply(shop.connection());
    await shop.untilConnection(reason, hasReason('Ready', reason));
  };

const putWrongSecret = (shop: Shop): Promise<void> =>
  shop.putSecret({ ...goodCredentials, clientSecret: 'of-last-year' });

/** Rows of docs/states.md, "Before a run". */
export const beforeRun: Record<string, Story> = {
  'just applied, and not seen by the controller yet': {
    without: 'ControllerYet',
    reach: (shop) => shop.apply(shop.segmentExport()),
  },
  'its connection does not exist (yet)': {
    before: (shop) => shop.prepare(),
    reach: applied({}, 'ConnectionNotFound'),
  },
  'its connection has not been checked yet': {
    before: connectionWith('Checking', (shop) => {
      shop.sandbox.addFault({ kind: 'delay', milliseconds: 150_000, path: '/token$', times: 'always' });
    }),
    reach: applied({}, 'AwaitingConnection'),
  },
  "its connection's check does not reach Criteo": {
    waits: true,
    before: connectionWith('CriteoUnavailable', (shop) => {
      shop.sandbox.addFault({ kind: 'status', status: 503, path: '/token$', times: 'always' });
    }),
    reach: applied({}, 'ConnectionNotReady'),
  },
  "its connection's Secret does not exist": {
    before: connectionWith('SecretNotFound', (shop) => shop.deleteSecret()),
    reach: applied({}, 'ConnectionNotReady'),
  },
  "its connection's credentials were refused": {
    before: connectionWith('CredentialsRefused', putWrongSecret),
    reach: applied({}, 'ConnectionNotReady'),
  },
  'its volume claim does not exist (yet)': {
    before: async (shop) => {
      await readyConnection(shop);
      await shop.delete('PersistentVolumeClaim', 'data');
      // Kubernetes keeps it for a moment longer, by a finalizer of its own.
      await shop.untilGone('PersistentVolumeClaim', 'data');
    },
    reach: applied({}, 'ClaimNotFound'),
  },
  'the CronJob of its runAfter does not exist (yet)': {
    before: readyConnection,
    reach: applied({ runAfter: [{ cronJob: 'nightly-refresh' }] }, 'RunAfterNotFound'),
  },
  'it cannot run: a mirror without a ledger': {
    before: readyConnection,
    reach: applied({ mode: 'Mirror' }, 'LedgerRequired'),
  },
  'its cron expression never fires': {
    before: readyConnection,
    reach: applied({ schedule: { cron: '0 0 30 2 *' } }, 'ScheduleNeverFires'),
  },
  "Criteo's account may not use its advertiser": {
    before: readyConnection,
    reach: applied({ advertiserId: '999' }, 'AdvertiserNotAllowed'),
  },
  'it names what the installation does not allow: a priority class': {
    before: readyConnection,
    reach: applied({ job: { priorityClassName: 'high' } }, 'JobFieldNotAllowed'),
  },
  'Kubernetes refuses its CronJob or Job: a quota, a policy': {
    before: async (shop) => {
      await readyConnection(shop);
      await shop.forbid('CronJob', 'no-cronjobs');
    },
    reach: applied({}, 'ChildRefused'),
  },
  'stored under another version of the CRD, and unreadable': {
    // Stored before the controller was there: see ground.ts.
    fromTheBeginning: true,
    reach: until('DefinitionUnreadable'),
  },
  'usable, without a schedule': {
    before: readyConnection,
    reach: applied({}, 'AwaitingRun'),
  },
  'usable, with a schedule': {
    before: readyConnection,
    reach: async (shop) => {
      await shop.apply(shop.segmentExport({ schedule: { cron: halfAYearAway().cron } }));
      await shop.untilExport('the next run', ({ status }) => status?.nextRunTime !== undefined);
    },
  },
  suspended: {
    reach: async (shop) => {
      await shop.patch('CriteoSegmentExport', exportName, { spec: { suspend: true } });
      await until('Suspended')(shop);
    },
  },
  'its connection is suspended': {
    reach: async (shop) => {
      await patchConnection(shop, { suspend: true });
      await until('ConnectionSuspended')(shop);
    },
  },
  "its connection's agreement was taken back": {
    reach: async (shop) => {
      await patchConnection(shop, { dataPrivacy: { agreed: false } });
      await until('ConsentWithdrawn')(shop);
    },
  },
  'its connection was deleted': {
    reach: async (shop) => {
      await shop.delete('CriteoConnection', connectionName);
      await until('ConnectionNotFound')(shop);
    },
  },
};
