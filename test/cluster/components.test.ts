import { expect, test } from 'vitest';
import {
  apiServerArguments,
  auditPolicy,
  type ControlPlaneSettings,
  controllerManagerArguments,
  controlPlaneCertificates,
} from './components.ts';

const settings: ControlPlaneSettings = {
  configDirectory: '/config',
  etcdDataDirectory: '/etcd',
  etcdPort: 20_001,
  address: '127.0.0.1',
  bindAddress: '127.0.0.1',
  port: 20_000,
  serviceRange: '10.0.0.0/24',
  serviceAddress: '10.0.0.1',
  node: false,
};

test('a control plane listens on its address alone and asks for no node', () => {
  const args = apiServerArguments(settings);
  expect(args).toContain('--bind-address=127.0.0.1');
  expect(args.join(' ')).not.toContain('kubelet');
  expect(controllerManagerArguments(settings)).not.toContain('--enable-hostpath-provisioner=true');
});

test('permissions are those of a real cluster', () => {
  expect(apiServerArguments(settings)).toContain('--authorization-mode=Node,RBAC');
  expect(apiServerArguments({ ...settings, node: true })).toContain('--authorization-mode=Node,RBAC');
});

test('an audit log has a file and a policy, or neither', () => {
  expect(apiServerArguments(settings).join(' ')).not.toContain('audit');
  const args = apiServerArguments({ ...settings, auditLogFile: '/audit.log' });
  expect(args).toContain('--audit-log-path=/audit.log');
  expect(args).toContain('--audit-policy-file=/config/audit-policy.yaml');
});

test('an audit log may be of some users alone', () => {
  const rulesOf = (policy: string): unknown => (JSON.parse(policy) as { rules: unknown }).rules;
  expect(rulesOf(auditPolicy('Metadata'))).toEqual([{ level: 'Metadata' }]);
  expect(rulesOf(auditPolicy('Metadata', ['anna']))).toEqual([{ level: 'Metadata', users: ['anna'] }]);
});

test("the server's certificate holds by each address at which clients and pods call it", () => {
  const [server] = controlPlaneCertificates({ ...settings, address: '10.213.0.2' });
  expect(server?.alternativeNames).toEqual(
    expect.arrayContaining(['IP:127.0.0.1', 'IP:10.213.0.2', 'IP:10.0.0.1', 'DNS:kubernetes.default.svc']),
  );
});
