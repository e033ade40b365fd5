import { describe, expect, test } from 'vitest';
import { parseFlags, usage } from './flags.ts';

const image = '--exporter-image=registry.example/exporter@sha256:0123';

describe('flags', () => {
  test('only the image is needed', () => {
    expect(parseFlags([image])).toMatchObject({
      settings: {
        imagePullPolicy: 'IfNotPresent',
        allowedBaseUrls: ['https://api.criteo.com'],
        maxRunsPerConnection: 5,
      },
      leaderElect: true,
      namespaces: [],
      healthPort: 8081,
    });
  });

  test.each([
    [[], '--exporter-image'],
    [[image, '--image-pull-policy=Sometimes'], '--image-pull-policy: "Sometimes" is not one of Always'],
    [[image, '--workers=0'], '--workers: "0" is not a whole number from 1 to 100'],
    [[image, '--health-port=1e3'], '--health-port: "1e3" is not a whole number'],
    [
      [image, '--allowed-base-url=https://api.criteo.com/v1'],
      '--allowed-base-url: "https://api.criteo.com/v1" is not',
    ],
    [[image, '--allowed-base-url=ftp://api.criteo.com'], 'such as https://api.criteo.com'],
    [
      [image, '--allowed-source-endpoint=http://store.example/bucket'],
      '--allowed-source-endpoint: "http://store.example/bucket" is not a URL of scheme, host and port only',
    ],
    [
      [image, '--allowed-authority-host=login.example'],
      '--allowed-authority-host: "login.example" is not a URL',
    ],
    ...['', '/', 'a/b/c', 'Example.com/'].map((key): [string[], string] => [
      [image, `--allowed-job-label=${key}`],
      `--allowed-job-label: "${key}" is not the key of a label, such as team`,
    ]),
    ...['segmentexport.io/', 'app.kubernetes.io/managed-by', 'batch.kubernetes.io/job-name', 'job-name'].map(
      (key): [string[], string] => [
        [image, `--allowed-job-label=${key}`],
        `--allowed-job-label: "${key}" stands for labels of Kubernetes' own or of the controller's`,
      ],
    ),
    [
      [image, '--allowed-priority-class='],
      '--allowed-priority-class: "" is not the name of a priority class',
    ],
    [[image, '--allowed-toleration='], '--allowed-toleration: "" is not the key of a taint, such as batch'],
    [[image, '--allowed-toleration=example.com/'], '--allowed-toleration: "example.com/" is not the key'],
    [[image, '--leader-elect=maybe'], '--leader-elect: "maybe" is not one of true, false'],
    [
      [image, '--job-https-proxy=http://user:word@proxy.example'],
      '--job-https-proxy: it is not an http or https URL without',
    ],
    [[image, '--no-such-flag'], '--no-such-flag'],
  ])('%j is refused by name', (args, message) => {
    expect(() => parseFlags(args)).toThrow(message);
  });

  test('letting go of all exports needs no image', () => {
    expect(parseFlags(['--release-finalizers'])).toMatchObject({ releaseFinalizers: true });
    expect(parseFlags([image])).toMatchObject({
      releaseFinalizers: false,
      settings: { retireDeadlineMs: 3_600_000 },
    });
    expect(parseFlags([image, '--retire-deadline-seconds=5'])).toMatchObject({
      settings: { retireDeadlineMs: 5000 },
    });
  });

  test('what Jobs get is passed on', () => {
    const args = [
      image,
      ...['--image-pull-secret=a', '--image-pull-secret=b', '--ca-bundle-configmap=ca'],
      ...['--job-https-proxy=http://proxy.example:3128', '--job-no-proxy=.example'],
    ];
    expect(parseFlags(args)).toMatchObject({
      settings: {
        imagePullSecrets: ['a', 'b'],
        caBundleConfigMap: 'ca',
        proxy: { https: 'http://proxy.example:3128', no: '.example' },
      },
    });
  });

  test('what sources may name is passed on, and is nothing of its own accord', () => {
    const endpoints = ['http://store.example:9000', 'https://other.example'];
    const authority = 'https://login.example';
    const args = [
      ...endpoints.map((url) => `--allowed-source-endpoint=${url}/`),
      `--allowed-authority-host=${authority}`,
    ];
    expect(parseFlags([image, ...args])).toMatchObject({
      settings: { allowedSourceEndpoints: endpoints, allowedAuthorityHosts: [authority] },
    });
    expect(parseFlags([image])).toMatchObject({
      settings: { allowedSourceEndpoints: [], allowedAuthorityHosts: [] },
    });
  });

  test('what pods may have is passed on, and is nothing of its own accord', () => {
    const lists = {
      allowedJobLabels: ['team', 'example.com/'],
      allowedPriorityClasses: ['batch-low'],
      allowedTolerations: ['batch', 'example.com/gpu'],
    };
    const args = [
      ...lists.allowedJobLabels.map((key) => `--allowed-job-label=${key}`),
      ...lists.allowedPriorityClasses.map((name) => `--allowed-priority-class=${name}`),
      ...lists.allowedTolerations.map((key) => `--allowed-toleration=${key}`),
    ];
    expect(parseFlags([image, ...args])).toMatchObject({ settings: lists });
    expect(parseFlags([image])).toMatchObject({
      settings: { allowedJobLabels: [], allowedPriorityClasses: [], allowedTolerations: [] },
    });
  });

  test('the help names every flag that is read', () => {
    const source = parseFlags.toString();
    const names = [...source.matchAll(/^\s+["']?([a-z-]+)["']?: (?:text|list),?$/gm)].map(
      (match) => match[1],
    );
    expect(names.length).toBeGreaterThan(15);
    for (const name of names) expect(usage).toContain(`--${name}`);
  });
});
