/** What the controller's flags say, and every plan needs. */
export interface Settings {
  /** The exporter's image; by digest, so that a run's Job tells what it ran. */
  image: string;
  imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** Names of Secrets in the namespace of the export. */
  imagePullSecrets: string[];
  proxy: { https?: string; http?: string; no?: string };
  /** A ConfigMap (key `ca.crt`) in the namespace of the export; its certificates are trusted too. */
  caBundleConfigMap?: string;
  /** Base URLs that a connection may name. Others could send addresses anywhere. */
  allowedBaseUrls: string[];
  /** URLs of sources, by scheme, host and port, that exports may name beside the vendors' and, with keys of their own, any with https. */
  allowedSourceEndpoints: string[];
  /** Where tokens of Microsoft Entra may come from beside Microsoft's clouds. */
  allowedAuthorityHosts: string[];
  /** Keys of labels, or prefixes of them that end in "/", that exports may put on the pods of their runs. */
  allowedJobLabels: string[];
  /** Priority classes that exports may name. */
  allowedPriorityClasses: string[];
  /** Keys of taints that exports may tolerate. */
  allowedTolerations: string[];
  /** Runs of one connection that may be at work at once: they share one API budget. */
  maxRunsPerConnection: number;
  /** How long a deleted export waits for its segments at Criteo to be dealt with. */
  retireDeadlineMs: number;
}

export const defaultSettings: Omit<Settings, 'image'> = {
  imagePullPolicy: 'IfNotPresent',
  imagePullSecrets: [],
  proxy: {},
  allowedBaseUrls: ['https://api.criteo.com'],
  allowedSourceEndpoints: [],
  allowedAuthorityHosts: [],
  allowedJobLabels: [],
  allowedPriorityClasses: [],
  allowedTolerations: [],
  maxRunsPerConnection: 5,
  retireDeadlineMs: 3_600_000,
};
