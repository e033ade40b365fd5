import { expect, test } from 'vitest';
import { objectsOf, type Registration, unwrapSecrets } from './registrations.ts';

const secret = (value: unknown) => ({
  '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270',
  value,
});

test('secrets are unwrapped wherever they are, and their places named', () => {
  const value = {
    stringData: secret({ clientId: 'a', clientSecret: 'b' }),
    spec: { list: [1, secret('c')], plain: null },
  };
  expect(unwrapSecrets(value)).toEqual({
    plain: { stringData: { clientId: 'a', clientSecret: 'b' }, spec: { list: [1, 'c'], plain: null } },
    secrets: ['stringData', 'spec.list[1]'],
  });
});

test('another special value of the protocol is refused, not applied as it is', () => {
  expect(() => unwrapSecrets({ a: { '4dabf18193072939515e22adb298388d': 'other' } })).toThrow('a: neither');
});

test('components, the stack and providers are no objects of a cluster', () => {
  const types = [
    'pulumi:pulumi:Stack',
    'pulumi:providers:kubernetes',
    'criteo:index:C',
    'kubernetes:core/v1:Secret',
  ];
  const registrations = types.map((type) => ({ type }) as Registration);
  expect(objectsOf(registrations)).toEqual([{ type: 'kubernetes:core/v1:Secret' }]);
});
