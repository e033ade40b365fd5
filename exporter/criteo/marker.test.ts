import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describe, markerIn, withoutMarker } from './marker.ts';

const owner = { namespace: 'shop', name: 'news.letter', uid: 'e0000000-0000-4000-8000-000000000001' };
const marker = `[segmentexport.io/v1 owner=shop/news.letter uid=${owner.uid}]`;

test('what is written is read back, whatever stands before it', () => {
  expect(describe('Newsletter readers', owner)).toBe(`Newsletter readers ${marker}`);
  expect(describe('', owner)).toBe(marker);
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(markerIn(describe(text, owner))).toEqual({ ...owner, kept: false });
      expect(markerIn(describe(text, owner, true))).toEqual({ ...owner, kept: true });
      expect(withoutMarker(describe(text, owner, true))).toBe(text.trimStart());
    }),
  );
});

test('a name that looks like a marker does not make another owner', () => {
  const text = '[segmentexport.io/v1 owner=shop/other uid=1]';
  expect(markerIn(describe(text, owner))).toEqual({ ...owner, kept: false });
});

test.each([
  '',
  'by hand',
  `${marker} and more`,
  `x${marker}`,
  marker.slice(0, -1),
  marker.replace('/v1', '/v2'),
  marker.replace('shop/', ''),
  marker.replace('shop', 'Shop'),
  marker.replace(owner.uid, ''),
  marker.replace(owner.uid, `${owner.uid} x`),
  `${marker}\n`,
])('%j names no owner', (description) => expect(markerIn(description)).toBeUndefined());
