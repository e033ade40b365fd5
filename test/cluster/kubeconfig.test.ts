import { KubeConfig } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { kubeconfig } from './kubeconfig.ts';

test('a Kubernetes client reads the server and the credentials from it', () => {
  const config = new KubeConfig();
  config.loadFromString(
    kubeconfig(
      {
        server: 'https://127.0.0.1:20000',
        certificateAuthority: 'CA',
        clientCertificate: 'CERTIFICATE',
        clientKey: 'KEY',
      },
      'test',
    ),
  );
  const decode = (data: string | undefined) => Buffer.from(data ?? '', 'base64').toString();
  expect(config.getCurrentCluster()?.server).toBe('https://127.0.0.1:20000');
  expect(decode(config.getCurrentCluster()?.caData)).toBe('CA');
  expect(decode(config.getCurrentUser()?.certData)).toBe('CERTIFICATE');
  expect(decode(config.getCurrentUser()?.keyData)).toBe('KEY');
});
