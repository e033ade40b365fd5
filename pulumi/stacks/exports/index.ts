import * as k8s from '@pulumi/kubernetes';
import { CriteoConnection, CriteoCredentials, CriteoSegmentExport } from '../../index.ts';
import { flag, isSet, required, requiredSecrets, text, wholeNumber } from '../configuration.ts';

const { namespace, advertiserId, agreedBy, agreedOn } = required({
  namespace: 'marketing',
  advertiserId: '12345',
  agreedBy: '"Data protection office"',
  agreedOn: '2026-11-22',
});
const schedule = text('schedule');
const criteoUrl = text('criteoUrl');

const metadata = { namespace: namespaceOfTeam() };

const connection = new CriteoConnection('nordic', {
  metadata: { ...metadata, name: 'nordic' },
  spec: {
    displayName: 'Criteo, Nordic shops',
    credentialsSecretRef: { name: credentialsSecret() },
    advertiserId,
    dataPrivacy: { agreed: true, agreedBy, agreedOn },
    ledger: { volume: { size: text('ledgerSize') } },
    ...(criteoUrl === '' ? {} : { api: { baseUrl: criteoUrl } }),
    ...suspended('suspendConnection'),
  },
});

// The name by the connection's Output: so the export is made after it, and destroyed before it.
const newsletter = new CriteoSegmentExport('newsletter', {
  metadata: { ...metadata, name: 'newsletter' },
  spec: {
    connectionRef: { name: connection.metadata.name },
    name: 'Newsletter readers',
    match: { email: { field: 'email' } },
    source: {
      file: {
        persistentVolumeClaim: { claimName: text('claim') },
        path: 'people.csv.gz',
        segmentField: 'segment',
      },
    },
    segments: [{ name: 'high-value' }, { name: 'lapsed', criteoName: 'Lapsed 2026' }],
    removalGuard: { maxPercent: wholeNumber('removalPercent') },
    deletionPolicy: text('deletionPolicy') as 'Retain' | 'Empty' | 'Delete',
    ...suspended('suspend'),
    ...(schedule === '' ? {} : { schedule: { cron: schedule, timeZone: text('timeZone') } }),
  },
});

export const exportName = newsletter.metadata.name;

/** A field that the program does not have is no drift: a refresh would take back what kubectl has stopped. */
function suspended(key: string): { suspend?: true } {
  return flag(key) ? { suspend: true } : {};
}

function namespaceOfTeam() {
  if (!flag('createNamespace')) return namespace;
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  return new k8s.core.v1.Namespace('team', { metadata: { name: namespace, labels } }).metadata.name;
}

function credentialsSecret() {
  const name = text('credentialsSecret');
  if (!isSet('clientId') && !isSet('clientSecret')) return name;
  const credentials = requiredSecrets('clientId', 'clientSecret');
  return new CriteoCredentials('criteo', { metadata: { ...metadata, name }, ...credentials }).metadata.name;
}
