import * as pulumi from '@pulumi/pulumi';
import { describe, expect, test } from 'vitest';
import { laterFaults, plainFaults } from './argfaults.ts';
import type { CriteoExportControllerArgs } from './controllerargs.ts';
import { laterOptions, plainOptions } from './installoptions.ts';

async function faultsOf(given: Partial<CriteoExportControllerArgs>): Promise<string[]> {
  const args = { image: 'registry.example/criteo-segment-export', ...given };
  const later = await new Promise<string[]>((resolve) => {
    laterFaults(laterOptions(args)).apply(resolve);
  });
  return [...plainFaults(plainOptions(args)), ...later];
}

const wrongUrl =
  '--allowed-base-url: "nope" is not a URL of scheme, host and port only, such as https://api.criteo.com.';
const rightNamespace =
  'the name of a namespace: at most 63 small letters, digits and hyphens, such as marketing';

describe('an argument that is wrong is named, with what was wrong and what would be right:', () => {
  test.each<[Partial<CriteoExportControllerArgs>, string]>([
    [
      { image: '' },
      "image is missing; name the controller's image, by digest where there is one, such as registry.example/criteo-segment-export@sha256:...",
    ],
    [{ image: 'a b' }, 'image must be an image\'s name without spaces, but is "a b"'],
    [
      { imagePullPolicy: 'Sometimes' as 'Always' },
      'imagePullPolicy must be one of Always, IfNotPresent, Never, but is "Sometimes"',
    ],
    [{ namespace: '' }, `namespace must be ${rightNamespace}, but is ""`],
    [{ namespace: 'Bad_Name' }, `namespace must be ${rightNamespace}, but is "Bad_Name"`],
    [
      { watchedNamespaces: ['shop', 'Shop!'] },
      `watchedNamespaces[1] must be ${rightNamespace}, but is "Shop!"`,
    ],
    [
      { watchedNamespaces: ['shop', 'shop'] },
      'watchedNamespaces[1] must be another namespace than watchedNamespaces[0], but is "shop" too',
    ],
    [{ replicas: -1 }, 'replicas must be a whole number, such as 2, but is -1'],
    [{ replicas: 1.5 }, 'replicas must be a whole number, such as 2, but is 1.5'],
    [
      { resources: { limits: { memory: 'lots' } } },
      'resources.limits.memory must be a quantity of Kubernetes, such as 512Mi or 50m, but is "lots"',
    ],
    [{ apiServerPorts: [] }, 'apiServerPorts must have at least one port, such as 443'],
    [{ apiServerPorts: [443, 0] }, 'apiServerPorts[1] must be a port from 1 to 65535, but is 0'],
    [{ allowedBaseUrls: ['nope'] }, `allowedBaseUrls[0]: the controller would refuse it: ${wrongUrl}`],
    [
      { extraFlags: ['--nonsense'] },
      "extraFlags (its --help lists them): the controller would refuse it: Unknown option '--nonsense'",
    ],
  ])('%j', async (args, message) => {
    expect(await faultsOf(args)).toEqual([message]);
  });

  test.each([
    '--namespace=other',
    '--exporter-image=evil',
    '--health-port=1',
    '--release-finalizers',
    '--help',
  ])('the flag %s, which would not fit what stands around the controller', async (flag) => {
    const [name] = flag.split('=');
    expect(await faultsOf({ extraFlags: ['--log-level=debug', flag] })).toEqual([
      expect.stringContaining(`${name}: it is no further flag of an installation; `),
    ]);
  });

  test('all of them at once', async () => {
    const args = { replicas: -1, namespace: 'Bad_Name', watchedNamespaces: ['Shop!'] };
    expect(await faultsOf(args)).toHaveLength(3);
  });

  test('but of a secret no value', async () => {
    expect(await faultsOf({ allowedBaseUrls: [pulumi.secret('hush')] })).toEqual([
      'allowedBaseUrls is not valid; it is a secret, and so this does not say why',
    ]);
  });
});

test('what is not known yet is no fault, and hides none of the others', async () => {
  const unknown = pulumi.output(pulumi.unknown as unknown as string);
  const args = { image: unknown, allowedBaseUrls: [unknown, 'https://criteo.example'], namespace: unknown };
  expect(await faultsOf(args)).toEqual([]);
  expect(await faultsOf({ ...args, replicas: -1 })).toHaveLength(1);
});
