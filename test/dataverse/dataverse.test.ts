import { get } from 'node:https';
import { expect, test } from 'vitest';
import type { Value } from './people.ts';
import { idsOf, memberships, profiles, start, TestClient } from './testclient.ts';

// Made for this test, with openssl: nobody trusts it, and its key opens nothing.
const tls = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBsTCCAVegAwIBAgIUO5SgMA9rcYXtVLUw1VRY20G15oswCgYIKoZIzj0EAwIw
HzEdMBsGA1UEAwwUc2FuZGJveCBvZiBEYXRhdmVyc2UwIBcNMjYxMTI0MjMwNjA3
WhgPMjEyNjEwMzEyMzA2MDdaMB8xHTAbBgNVBAMMFHNhbmRib3ggb2YgRGF0YXZl
cnNlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE4YY3j/ENSE28lOHcfMfjtVJr
BE4UIH8BHvU/rrmq5wVUAme/9zZ6I5daeg/+KqybPkBWYTarXfENOL/6Ts+UMqNv
MG0wHQYDVR0OBBYEFClJygaLtC8NMa5LmKnkhy0OmYCPMB8GA1UdIwQYMBaAFClJ
ygaLtC8NMa5LmKnkhy0OmYCPMA8GA1UdEwEB/wQFMAMBAf8wGgYDVR0RBBMwEYIJ
bG9jYWxob3N0hwR/AAABMAoGCCqGSM49BAMCA0gAMEUCIQCx+FsocaUxZACT9J/M
WrRC36PCMdB6lvdCJBBUiPyuBgIgKXtAU/lryKLgkKRggKCrm+tCU2xTe45EcNnO
a/Uq+RI=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZiZiKfMriQdbwqzN
IIdCfPM1KFHzEh+EJfPNlhWr1zWhRANCAAThhjeP8Q1ITbyU4dx8x+O1UmsEThQg
fwEe9T+uuarnBVQCZ7/3Nnojl1p6D/4qrJs+QFZhNqtd8Q04v/pOz5Qy
-----END PRIVATE KEY-----
`,
};

test('two sandboxes in one process share nothing', async () => {
  await using first = await start();
  await using second = await start();
  const client = await TestClient.connect(first.url);
  first.putPeople([{ id: 'a', segments: ['Gold'] }]);
  first.addFault({ kind: 'reset', path: 'nowhere' });
  first.setBehaviour({ rowLimit: 3 });
  expect([second.segments(), second.faults(), second.requests(), second.behaviour().rowLimit]).toEqual([
    [],
    [],
    [],
    0,
  ]);
  const stranger = new TestClient(second.url, client.token);
  expect((await stranger.get(profiles)).status).toBe(401);
});

test('serves https with a certificate that a caller must be given', async () => {
  await using sandbox = await start({ tls });
  expect(sandbox.url).toMatch(/^https:/);
  const status = (ca: string | undefined) =>
    new Promise<number | undefined>((resolve, reject) => {
      const request = get(`${sandbox.url}/api/data/v9.2/WhoAmI`, { ca, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('error', reject);
    });
  expect(await status(tls.cert)).toBe(401);
  await expect(status(undefined)).rejects.toThrow(/self-signed/);
});

test('closing ends a reply that is held back', async () => {
  const sandbox = await start({ latencyMilliseconds: 60_000 });
  const client = await TestClient.connect(sandbox.url);
  const waiting = expect(client.get(profiles)).rejects.toThrow();
  while (sandbox.requests().length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  await sandbox.close();
  await waiting;
});

test('the scans of sixteen prefixes give each of a crowd once', async () => {
  await using sandbox = await start();
  sandbox.makeUp({ count: 20_000, segments: ['Gold'] });
  sandbox.makeUp({ count: 777, segments: ['Gold'] });
  sandbox.putPeople([{ id: 'ffff', segments: ['Gold'] }]);
  const client = await TestClient.connect(sandbox.url);
  const scan = (resource: string) =>
    Promise.all(
      [...'0123456789abcdef'].map((digit) =>
        client.scan(resource, { $filter: `startswith(msdynci_customerid,'${digit}')` }, 500),
      ),
    );
  for (const resource of [profiles, memberships]) {
    const parts = await scan(resource);
    const ids = parts.flatMap(({ rows }) => idsOf(rows));
    expect([ids.length, new Set(ids).size]).toEqual([20_778, 20_778]);
    for (const { rows } of parts) expect(rows.length).toBeGreaterThan(1000);
  }
});

test('finds single people of a hundred million without reading them all', async () => {
  await using sandbox = await start();
  const columns = { msdynci_email: 'm{n}@example.com' };
  sandbox.makeUp({ count: 100_000_000, segments: ['Gold'], columns });
  const client = await TestClient.connect(sandbox.url);
  const few: { id: string; email: Value }[] = [];
  for (const member of sandbox.members('Gold')) {
    few.push({ id: member.id, email: member.column('msdynci_email') });
    if (few.length === 100) break;
  }
  const values = few.map(({ id }) => `"${id}"`).join(',');
  const $filter = `Microsoft.Dynamics.CRM.In(PropertyName='msdynci_customerid',PropertyValues=[${values}])`;
  const before = performance.now();
  const { rows } = await client.scan(profiles, { $select: 'msdynci_email', $filter });
  expect(rows.map((row) => row.msdynci_email)).toEqual(few.map(({ email }) => email));
  // Reading them all takes minutes.
  expect(performance.now() - before).toBeLessThan(30_000);
});
