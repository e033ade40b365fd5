import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as k8s from '@pulumi/kubernetes';
import {
  CriteoConnection,
  CriteoCredentials,
  CriteoExportController,
  CriteoSegmentExport,
} from '../../index.ts';
import { list, required, requiredSecrets, text } from '../configuration.ts';
import { filledClaim } from './filledclaim.ts';

const { image, criteoUrl } = required({
  image: 'criteo-segment-export:0.1.0',
  criteoUrl: 'http://ADDRESS:PORT',
});
const { clientSecret } = requiredSecrets('clientSecret');

const controller = new CriteoExportController('criteo-segment-export', {
  image,
  allowedBaseUrls: [criteoUrl],
  extraFlags: list('controllerFlags'),
});

// After the controller, in each resource of the team: destroyed before it, so that no finalizer waits for one that is gone.
const afterController = { dependsOn: controller };
const team = new k8s.core.v1.Namespace(
  'team',
  {
    metadata: { name: text('namespace'), labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  },
  afterController,
);
const metadata = { namespace: team.metadata.name };

const credentials = new CriteoCredentials('criteo', {
  metadata: { ...metadata, name: 'criteo-nordic' },
  clientId: text('clientId'),
  clientSecret,
});

const people = filledClaim('people', {
  image,
  namespace: team.metadata.name,
  files: { 'people.csv.gz': readFileSync(join(import.meta.dirname, '../../../examples/data/people.csv.gz')) },
});

const connection = new CriteoConnection(
  'nordic',
  {
    metadata: { ...metadata, name: 'nordic' },
    spec: {
      displayName: 'Criteo, Nordic shops',
      credentialsSecretRef: { name: credentials.metadata.name },
      advertiserId: '12345',
      dataPrivacy: { agreed: true, agreedBy: 'Data protection office', agreedOn: '2026-11-22' },
      ledger: { volume: { size: '1Gi' } },
      api: { baseUrl: criteoUrl },
    },
  },
  afterController,
);

const newsletter = new CriteoSegmentExport(
  'newsletter',
  {
    metadata: { ...metadata, name: 'newsletter' },
    spec: {
      connectionRef: { name: connection.metadata.name },
      name: 'Newsletter readers',
      match: { email: { field: 'email' } },
      source: {
        file: {
          persistentVolumeClaim: { claimName: people.metadata.name },
          path: 'people.csv.gz',
          segmentField: 'segment',
        },
      },
      segments: [{ name: 'high-value' }, { name: 'lapsed', criteoName: 'Lapsed 2026' }],
      schedule: { cron: text('schedule'), timeZone: 'Europe/Oslo' },
      removalGuard: { maxPercent: 30 },
      deletionPolicy: 'Retain',
    },
  },
  afterController,
);

export const exportName = newsletter.metadata.name;
export const next = `kubectl annotate criteosegmentexport newsletter --namespace ${text('namespace')} segmentexport.io/requestedAt="$(date -u +%Y-%m-%dT%H:%M:%SZ)"`;
