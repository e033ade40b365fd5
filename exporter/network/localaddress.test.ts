import { expect, test } from 'vitest';
import { isLocalAddress } from './localaddress.ts';

test.each([
  '127.0.0.1',
  '127.255.255.254',
  '::1',
  '169.254.169.254',
  '169.254.170.23',
  'fe80::1',
  'fe80::1%eth0',
  'febf::1',
  'fd00:ec2::254',
  '0.0.0.0',
  '0.1.2.3',
  '::',
  '224.0.0.1',
  '239.255.255.250',
  'ff02::1',
  '255.255.255.255',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::FFFF:169.254.169.254',
  '::127.0.0.1',
  '64:ff9b::127.0.0.1',
  '64:ff9b::a9fe:a9fe',
])('%s is local', (address) => {
  expect(isLocalAddress(address)).toBe(true);
});

test.each([
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '126.255.255.255',
  '128.0.0.1',
  '169.253.255.255',
  '169.255.0.0',
  '223.255.255.255',
  '52.95.1.1',
  'fd00::1',
  'fec0::1',
  '2a05:d016::1',
  '::ffff:10.0.0.1',
  '64:ff9b::52.95.1.1',
])('%s is not', (address) => {
  expect(isLocalAddress(address)).toBe(false);
});

test.each(['localhost', 'db.example.com', '', '127.0.0.1:80', '[::1]'])(
  '"%s" is no IP address: what it leads to is seen when it is looked up',
  (text) => {
    expect(isLocalAddress(text)).toBe(false);
  },
);
