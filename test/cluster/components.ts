import { join } from 'node:path';
import type { CertificateRequest } from './certificates.ts';

/** How much of each request the audit log holds; the names are Kubernetes' own. */
export type AuditLevel = 'Metadata' | 'Request' | 'RequestResponse';

/** Where the control plane listens, and where its files are as its programs see them. */
export interface ControlPlaneSettings {
  /** Certificates, kubeconfigs and configuration files. */
  readonly configDirectory: string;
  readonly etcdDataDirectory: string;
  readonly etcdPort: number;
  /** The address that clients use. */
  readonly address: string;
  readonly bindAddress: string;
  readonly port: number;
  /** CIDR; the `kubernetes` Service has its first address. */
  readonly serviceRange: string;
  readonly serviceAddress: string;
  readonly auditLogFile?: string | undefined;
  /** Whether there is a node, so that the API server speaks to a kubelet and pods speak to it. */
  readonly node: boolean;
}

export function controlPlaneCertificates(settings: ControlPlaneSettings): CertificateRequest[] {
  const names = ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  const addresses = new Set(['127.0.0.1', settings.address, settings.serviceAddress]);
  return [
    {
      name: 'api-server',
      commonName: 'kube-apiserver',
      alternativeNames: [...names.map((name) => `DNS:${name}`), ...[...addresses].map((ip) => `IP:${ip}`)],
    },
    { name: 'admin', commonName: 'admin', organization: 'system:masters' },
    { name: 'controller-manager', commonName: 'system:kube-controller-manager' },
  ];
}

// Data here need not survive the machine: without fsync every write is many times faster.
export function etcdArguments(settings: ControlPlaneSettings): string[] {
  const url = `http://127.0.0.1:${settings.etcdPort}`;
  return [
    `--data-dir=${settings.etcdDataDirectory}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    '--listen-peer-urls=http://127.0.0.1:0',
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

export function apiServerArguments(settings: ControlPlaneSettings): string[] {
  const file = (name: string) => join(settings.configDirectory, name);
  const args = [
    `--etcd-servers=http://127.0.0.1:${settings.etcdPort}`,
    `--bind-address=${settings.bindAddress}`,
    `--advertise-address=${settings.address}`,
    `--secure-port=${settings.port}`,
    `--tls-cert-file=${file('api-server.crt')}`,
    `--tls-private-key-file=${file('api-server.key')}`,
    `--client-ca-file=${file('ca.crt')}`,
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${file('service-account.pub')}`,
    `--service-account-signing-key-file=${file('service-account.key')}`,
    `--service-cluster-ip-range=${settings.serviceRange}`,
    '--profiling=false',
  ];
  if (settings.node) {
    args.push(
      `--kubelet-certificate-authority=${file('ca.crt')}`,
      `--kubelet-client-certificate=${file('admin.crt')}`,
      `--kubelet-client-key=${file('admin.key')}`,
      // The node's name is in no DNS.
      '--kubelet-preferred-address-types=InternalIP',
    );
  } else {
    // A loopback address may not be an endpoint of the `kubernetes` Service.
    args.push('--endpoint-reconciler-type=none');
  }
  if (settings.auditLogFile !== undefined) {
    args.push(
      `--audit-policy-file=${file('audit-policy.yaml')}`,
      `--audit-log-path=${settings.auditLogFile}`,
    );
  }
  return args;
}

export function controllerManagerArguments(settings: ControlPlaneSettings): string[] {
  const file = (name: string) => join(settings.configDirectory, name);
  return [
    `--kubeconfig=${file('controller-manager.kubeconfig')}`,
    '--leader-elect=false',
    '--secure-port=0',
    '--use-service-account-credentials=true',
    `--root-ca-file=${file('ca.crt')}`,
    `--service-account-private-key-file=${file('service-account.key')}`,
    // It makes this directory; its default is one of the machine's.
    `--flex-volume-plugin-dir=${file('volume-plugins')}`,
    // Its defaults (20 and 30) would make tests wait for Kubernetes instead of for us.
    '--kube-api-qps=200',
    '--kube-api-burst=400',
    ...(settings.node ? ['--enable-hostpath-provisioner=true'] : []),
  ];
}

/** Everything but the noise of watches' own bookkeeping is in the log. */
export function auditPolicy(level: AuditLevel, users?: readonly string[]): string {
  return JSON.stringify({
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    // Who matches no rule is left out.
    rules: [users === undefined ? { level } : { level, users }],
  });
}
