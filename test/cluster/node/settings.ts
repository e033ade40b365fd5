import { createHash } from 'node:crypto';
import type { CertificateRequest } from '../certificates.ts';
import type { NodeNetwork } from './network.ts';

export const nodeName = 'local-node';

/** Paths as the node's own programs see them; mounts.sh makes them. */
export const inNode = {
  config: '/run/node/config',
  programs: '/run/programs',
  containerdSocket: '/run/containerd/containerd.sock',
};

/** What a node takes on the machine outside its own directory; unique for each state directory. */
export interface MachineNames {
  /** The machine's end of the link to the node; Linux allows 15 characters. */
  readonly link: string;
  /** Relative to each cgroup hierarchy. */
  readonly cgroup: string;
}

export function machineNames(stateDirectory: string): MachineNames {
  const id = createHash('sha256').update(stateDirectory).digest('hex').slice(0, 8);
  return { link: `cse-${id}`, cgroup: `criteo-segment-export-${id}` };
}

/** Certificates of the node's programs, beside those of the control plane. */
export function nodeCertificates(network: NodeNetwork): CertificateRequest[] {
  return [
    { name: 'scheduler', commonName: 'system:kube-scheduler' },
    { name: 'proxy', commonName: 'system:kube-proxy' },
    {
      name: 'kubelet',
      commonName: `system:node:${nodeName}`,
      organization: 'system:nodes',
      alternativeNames: [`IP:${network.nodeAddress}`, `DNS:${nodeName}`],
    },
  ];
}

/** The configuration files of the node's programs, by name. */
export function nodeConfiguration(
  network: NodeNetwork,
  names: MachineNames,
  pauseImage: string,
): Record<string, string> {
  return {
    'containerd.toml': containerdConfiguration(pauseImage),
    'kubelet.yaml': JSON.stringify(kubeletConfiguration(names)),
    'proxy.yaml': JSON.stringify(proxyConfiguration(network)),
    // Pods have no DNS; a refused connection fails at once where a silent address takes seconds.
    'resolv.conf': 'nameserver 127.0.0.1\n',
    'cni/10-bridge.conflist': JSON.stringify(podNetworkConfiguration(network)),
  };
}

function containerdConfiguration(pauseImage: string): string {
  return `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "${inNode.containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # Some kernels forbid a lower score than containerd's own, even to root.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${inNode.config}/cni"
`;
}

function kubeletConfiguration(names: MachineNames): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: false }, x509: { clientCAFile: `${inNode.config}/ca.crt` } },
    authorization: { mode: 'Webhook' },
    tlsCertFile: `${inNode.config}/kubelet.crt`,
    tlsPrivateKeyFile: `${inNode.config}/kubelet.key`,
    containerRuntimeEndpoint: `unix://${inNode.containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${names.cgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    clusterDomain: 'cluster.local',
    clusterDNS: ['127.0.0.1'],
    resolvConf: `${inNode.config}/resolv.conf`,
    volumePluginDir: '/var/lib/kubelet/volume-plugins',
    maxPods: 250,
    // A developer's disk that is nearly full is no reason to evict the pods of a test.
    evictionHard: {
      'memory.available': '0%',
      'nodefs.available': '0%',
      'imagefs.available': '0%',
      'nodefs.inodesFree': '0%',
    },
    imageGCHighThresholdPercent: 100,
  };
}

function proxyConfiguration(network: NodeNetwork): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clientConnection: { kubeconfig: `${inNode.config}/proxy.kubeconfig` },
    clusterCIDR: network.podRange,
    healthzBindAddress: `${network.nodeAddress}:10256`,
    // The machine's limits for connection tracking are the machine's.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}

// No masquerading: a pod's packets leave the node with the pod's address, and only this
// machine has a route back, so nothing that a pod sends gets an answer from further away.
function podNetworkConfiguration(network: NodeNetwork): object {
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'pods',
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: network.podRange, gateway: network.podGateway }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}
