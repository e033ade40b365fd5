import { describe, expect, test } from 'vitest';
import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import { isLedgerClaim, ledgerClaim, ledgerClaimName, ledgerMount, runLedger } from './ledger.ts';
import { connection, readyStatus } from './testkit/objects.ts';

type Ledger = NonNullable<CriteoConnection['spec']['ledger']>;

const s3: Ledger = {
  s3: { region: 'eu-north-1', bucket: 'ledgers', credentialsSecretRef: { name: 'store' } },
};
const of = (ledger: Ledger, metadata: object = {}) => connection({ spec: { ledger }, metadata });
const volume = (more: object = {}): Ledger => ({ volume: { size: '1Gi', ...more } });

test('runs are told where the ledger is, and how often everything is sent again', () => {
  expect(runLedger(connection())).toBeUndefined();
  expect(runLedger(of(volume()))).toEqual({ volume: {}, resyncEveryHours: 720 });
  expect(runLedger(of({ ...volume(), resyncEvery: '24h' }))).toMatchObject({ resyncEveryHours: 24 });
  expect(runLedger(of(s3))).toEqual({
    s3: { region: 'eu-north-1', bucket: 'ledgers', prefix: 'shop/nordic' },
    resyncEveryHours: 720,
  });
  const own = { ...s3.s3, endpoint: 'https://store.example', prefix: 'mine' } as Ledger['s3'];
  expect(runLedger(of({ s3: own } as Ledger))).toMatchObject({
    s3: { endpoint: 'https://store.example', prefix: 'mine' },
  });
});

describe('the claim of a ledger', () => {
  test('is found again by a connection that was deleted and made anew', () => {
    const name = ledgerClaimName(of(volume()));
    expect(ledgerClaimName(of(volume(), { uid: 'another' }))).toBe(name);
    expect(ledgerClaimName(of(volume(), { name: 'baltic' }))).not.toBe(name);
    expect(ledgerClaimName(of(volume(), { namespace: 'other' }))).not.toBe(name);
  });

  test('is as the connection asks, and nobody owns it: it outlives the connection', () => {
    const claim = ledgerClaim(of(volume({ storageClassName: 'fast', accessModes: ['ReadWriteMany'] })));
    expect(claim?.spec).toEqual({
      accessModes: ['ReadWriteMany'],
      storageClassName: 'fast',
      resources: { requests: { storage: '1Gi' } },
    });
    expect(claim?.metadata).not.toHaveProperty('ownerReferences');
    expect(ledgerClaim(of(volume()))?.spec).toEqual({
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
    });
    expect(ledgerClaim(of(s3))).toBeUndefined();
  });

  test('is told from one that somebody else made', () => {
    const claim = ledgerClaim(of(volume()));
    expect(claim && isLedgerClaim(claim)).toBe(true);
    expect(isLedgerClaim({ metadata: { name: claim?.metadata.name ?? '' } })).toBe(false);
  });
});

describe('runs of a connection are kept on one node', () => {
  const oneNode = (object: CriteoConnection) => {
    const mount = ledgerMount(object);
    return mount && 'oneNode' in mount ? mount.oneNode : undefined;
  };
  test.each<[string, Ledger, boolean | undefined]>([
    ['by default', volume(), true],
    ['by ReadWriteOnce', volume({ accessModes: ['ReadWriteOnce'] }), true],
    ['not where every node may mount it', volume({ accessModes: ['ReadWriteOnce', 'ReadWriteMany'] }), false],
    ['not where one pod at a time may', volume({ accessModes: ['ReadWriteOncePod'] }), false],
    ['not by an object store', s3, undefined],
  ])('%s', (_, ledger, expected) => {
    expect(oneNode(of(ledger))).toBe(expected);
  });

  test('as the claim was made, whatever the spec says by now', () => {
    const status = { ...readyStatus(), ledger: { claimName: 'x', accessModes: ['ReadWriteOnce'] } };
    const changed = connection({ spec: { ledger: volume({ accessModes: ['ReadWriteMany'] }) }, status });
    expect(oneNode(changed)).toBe(true);
  });
});
