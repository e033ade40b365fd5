import { BlockList, isIP } from 'node:net';

/** Of the pod itself, of its node's link (where clouds have their metadata), or of nobody in particular. */
const ipv4: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['255.255.255.255', 32],
];
const ipv6: readonly [string, number][] = [
  // The unspecified address, loopback, and IPv4 as nobody writes it any more.
  ['::', 96],
  ['fe80::', 10],
  ['ff00::', 8],
  // Where AWS has its metadata: a unique local address by its form, but of the node's link.
  ['fd00:ec2::', 32],
];
/** IPv4 in IPv6: mapped, and by way of NAT64. */
const prefixes = ['::ffff:', '64:ff9b::'];

const local = new BlockList();
for (const [net, bits] of ipv4) {
  local.addSubnet(net, bits, 'ipv4');
  for (const prefix of prefixes) local.addSubnet(`${prefix}${net}`, 96 + bits, 'ipv6');
}
for (const [net, bits] of ipv6) local.addSubnet(net, bits, 'ipv6');

/**
 * Whether an IP address is one that a source must not lead to: loopback, link-local, unspecified, multicast or
 * broadcast. Private networks are none of these: stores of the cluster live there. False for what is no IP address.
 */
export function isLocalAddress(text: string): boolean {
  const [address = ''] = text.split('%');
  const family = isIP(address);
  return family !== 0 && local.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
