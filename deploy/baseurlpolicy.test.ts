import { expect, test } from 'vitest';
import { baseUrlPolicy } from './baseurlpolicy.ts';
import { defaultOptions } from './options.ts';

interface Policy {
  spec: {
    matchConstraints: { namespaceSelector?: object };
    validations: { expression: string; messageExpression: string }[];
  };
}

const image = 'registry.example/criteo-segment-export@sha256:0123';
const policyOf = (changes: object): Policy =>
  baseUrlPolicy({ ...defaultOptions, image, ...changes })[0] as unknown as Policy;

test('the list of an installation for some namespaces holds in these only', () => {
  const { matchConstraints } = policyOf({ watchedNamespaces: ['shop', 'crm'] }).spec;
  expect(matchConstraints.namespaceSelector).toEqual({
    matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['shop', 'crm'] }],
  });
  expect(policyOf({}).spec.matchConstraints.namespaceSelector).toBeUndefined();
});

test('the list is what the controller reads from its flags, by whichever option they came', () => {
  const [validation] = policyOf({
    allowedBaseUrls: ['https://one.example/'],
    extraFlags: ['--allowed-base-url=https://two.example'],
  }).spec.validations;
  expect(validation?.expression).toContain('"https://one.example","https://one.example/"');
  expect(validation?.expression).toContain('"https://two.example","https://two.example/"');
  expect(validation?.messageExpression).toContain('(https://one.example, https://two.example)');
  expect(policyOf({}).spec.validations[0]?.expression).toContain('"https://api.criteo.com"');
});
