import { expect, test } from 'vitest';
import { defaultOptions } from './options.ts';
import { settingsOf } from './settings.ts';

const withFlags = (...extraFlags: string[]): (() => unknown) => {
  return () => settingsOf({ ...defaultOptions, image: 'an-image', extraFlags });
};

test.each([
  ['--namespace=other', 'it comes with a Role in each namespace: set the watched namespaces in its place.'],
  ['--exporter-image=another', 'it is the image of the controller.'],
  ['--leader-election-namespace=other', 'its Role for Leases is in the namespace of the controller.'],
  ['--health-port=1', 'the probes ask there.'],
  ['--release-finalizers', 'with it the controller runs nothing, and ends.'],
  ['--help', 'with it the controller runs nothing, and ends.'],
])('the further flag %s is refused: %s', (flag, reason) => {
  expect(withFlags('--log-level=debug', flag)).toThrow(reason);
});

test('a flag and its value may be two', () => {
  expect(withFlags('--namespace', 'other')).toThrow('--namespace: it is no further flag of an installation');
  expect(withFlags('--log-level', 'debug')).not.toThrow();
});
