import { expect, test } from 'vitest';
import { chooseNetwork, usedRanges } from './network.ts';

test('takes another range when a route overlaps, wider or narrower', () => {
  expect(chooseNetwork([]).podRange).toBe('10.213.32.0/20');
  for (const used of ['10.213.200.7', '10.213.0.0/30', '10.212.0.0/15']) {
    expect(chooseNetwork([used]).podRange, used).toBe('10.149.32.0/20');
  }
});

test('is not disturbed by ranges elsewhere, nor by what is no IPv4 range', () => {
  const free = chooseNetwork([]);
  expect(chooseNetwork(['192.168.1.0/24', '172.17.0.0/16', 'default', 'fd00::/64'])).toEqual(free);
});

test('gives link, services and pods of the same range without overlap', () => {
  const network = chooseNetwork([]);
  const thirdByte = (address: string) => Number(address.split('.')[2]);
  expect(thirdByte(network.nodeAddress)).toBe(0);
  expect(thirdByte(network.serviceAddress)).toBe(16);
  expect(thirdByte(network.podGateway)).toBe(32);
});

test('says which ranges it wanted when a route takes all private addresses', () => {
  expect(() => chooseNetwork(['10.0.0.0/8', '172.16.0.0/12'])).toThrow(/10\.213\.0\.0\/16.*in use/);
});

test('reads destinations from what ip prints, without the default route', () => {
  const printed = JSON.stringify([
    { dst: 'default', gateway: '192.0.2.1' },
    { dst: '192.0.2.0/24' },
    { type: 'local', dst: '127.0.0.1' },
  ]);
  expect(usedRanges(printed)).toEqual(['192.0.2.0/24', '127.0.0.1']);
  expect(usedRanges('')).toEqual([]);
});
