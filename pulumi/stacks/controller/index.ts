import { CriteoExportController, type CriteoExportControllerArgs } from '../../index.ts';
import { flag, list, required, text, wholeNumber } from '../configuration.ts';

const { image } = required({ image: 'REGISTRY/criteo-segment-export@sha256:...' });

const release = text('prometheusRelease');
const args: CriteoExportControllerArgs = {
  image,
  imagePullPolicy: text('imagePullPolicy') as 'Always' | 'IfNotPresent' | 'Never',
  namespace: text('namespace'),
  createNamespace: flag('createNamespace'),
  installDefinitions: flag('installDefinitions'),
  deleteCustomResourceDefinitions: flag('deleteCustomResourceDefinitions'),
  replicas: wholeNumber('replicas'),
  watchedNamespaces: list('watchedNamespaces'),
  apiServerPorts: list('apiServerPorts'),
  allowedBaseUrls: list('allowedBaseUrls'),
  extraFlags: list('controllerFlags'),
  monitoring: {
    serviceMonitor: flag('serviceMonitor'),
    podMonitor: flag('podMonitor'),
    prometheusRule: flag('prometheusRule'),
    dashboard: flag('dashboard'),
    ...(release === '' ? {} : { labels: { release } }),
  },
};
const controller = new CriteoExportController('criteo-segment-export', args, {
  retainOnDelete: flag('retainOnDelete'),
});

export const namespace = controller.namespace;
