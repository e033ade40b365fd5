/** What kube-score asks for and we do not do. */
export interface Exception {
  /** Its check, and the beginning of what it says. */
  check: string;
  says: string;
  because: string;
}

export const exceptions: readonly Exception[] = [
  {
    check: 'container-resources',
    says: 'CPU limit is not set',
    because:
      'A limit throttles a run though the node is idle. CPU is requested, memory is limited, and spec.job.resources sets a limit where one is wanted.',
  },
  {
    check: 'container-image-pull-policy',
    says: 'ImagePullPolicy is not set to Always',
    because:
      'Images are named by digest: pulled again they are the same. With Always no run starts while the registry is away.',
  },
  {
    check: 'container-ephemeral-storage-request-and-limit',
    says: 'Ephemeral Storage limit is not set',
    because: 'Nothing is written to the node: the root file system is read-only, and no pod has an emptyDir.',
  },
  {
    check: 'container-ephemeral-storage-request-and-limit',
    says: 'Ephemeral Storage request is not set',
    because: 'The same.',
  },
  {
    check: 'deployment-has-host-podantiaffinity',
    says: 'Deployment does not have a host podAntiAffinity set',
    because:
      'Its topologySpreadConstraints spread it over hosts, and still let two start on a cluster of one node.',
  },
];
