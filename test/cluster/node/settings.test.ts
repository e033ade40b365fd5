import { expect, test } from 'vitest';
import { chooseNetwork } from './network.ts';
import { machineNames, nodeConfiguration } from './settings.ts';

test("two checkouts' clusters do not share a name on the machine, and Linux takes the link's", () => {
  const [one, other] = [machineNames('/home/one/.local/cluster'), machineNames('/home/other/.local/cluster')];
  expect(one.link).not.toBe(other.link);
  expect(one.cgroup).not.toBe(other.cgroup);
  expect(one.link.length).toBeLessThanOrEqual(15);
});

test('pods get addresses of the chosen range and are never masqueraded', () => {
  const network = chooseNetwork(['10.213.0.0/16']);
  const files = nodeConfiguration(network, machineNames('/x'), 'localhost/pause:test');
  const [bridge] = JSON.parse(files['cni/10-bridge.conflist'] ?? '').plugins;
  expect(bridge).toMatchObject({ type: 'bridge', ipMasq: false });
  expect(bridge.ipam.ranges).toEqual([[{ subnet: network.podRange, gateway: network.podGateway }]]);
});
