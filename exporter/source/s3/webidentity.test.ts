import { expect, test } from 'vitest';
import { stsEndpointOf } from './webidentity.ts';

test.each([
  ['eu-north-1', 'https://sts.eu-north-1.amazonaws.com'],
  ['us-gov-west-1', 'https://sts.us-gov-west-1.amazonaws.com'],
  ['cn-north-1', 'https://sts.cn-north-1.amazonaws.com.cn'],
])('the token service of %s', (region, expected) => {
  expect(stsEndpointOf(region)).toBe(expected);
});
