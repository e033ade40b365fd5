import type { CriteoConnection } from '../../api/generated/criteoconnection.ts';
import { labels, managedBy } from '../../api/names.ts';
import type { RunLedger, S3Place } from '../../api/rundocument.ts';
import { childName } from './childnames.ts';
import type { Claim } from './kubernetes.ts';
import { namespaceOf } from './owner.ts';

const defaultResyncEveryHours = 720;
const defaultAccessModes = ['ReadWriteOnce'];
const claimLabels = { [labels.managedBy]: managedBy, [labels.partOf]: managedBy };

/** The ledger of a connection as its runs are told of it; undefined where it has none. */
export function runLedger({ spec, metadata }: CriteoConnection): RunLedger | undefined {
  const { ledger } = spec;
  if (ledger === undefined) return undefined;
  const resyncEveryHours = Number.parseInt(ledger.resyncEvery ?? '', 10) || defaultResyncEveryHours;
  if (ledger.s3 === undefined) return { volume: {}, resyncEveryHours };
  return { s3: s3Place(ledger.s3, `${metadata.namespace}/${metadata.name}`), resyncEveryHours };
}

/** @param ownPrefix where the connection names none: from its name, so that one made anew finds its ledger. */
function s3Place(
  { endpoint, region, bucket, prefix }: NonNullable<NonNullable<CriteoConnection['spec']['ledger']>['s3']>,
  ownPrefix: string,
): S3Place {
  return { ...(endpoint === undefined ? {} : { endpoint }), region, bucket, prefix: prefix ?? ownPrefix };
}

/** What the pods of runs mount for the ledger. */
export type LedgerMount =
  /** `oneNode`: the volume can be mounted on one node at a time. */
  { claimName: string; oneNode: boolean } | { credentialsSecret: string };

export function ledgerMount(connection: CriteoConnection): LedgerMount | undefined {
  const { ledger } = connection.spec;
  if (ledger?.s3) return { credentialsSecret: ledger.s3.credentialsSecretRef.name };
  if (!ledger?.volume) return undefined;
  return {
    claimName: ledgerClaimName(connection),
    oneNode: !accessModes(connection).some((mode) => mode === 'ReadWriteMany' || mode === 'ReadWriteOncePod'),
  };
}

/** Whether Kubernetes lets one pod at a time mount the ledger. */
export function isOnePodLedger(connection: CriteoConnection): boolean {
  return connection.spec.ledger?.volume !== undefined && accessModes(connection).includes('ReadWriteOncePod');
}

/** The claim's own, as far as it was seen: it keeps what it was made with, whatever the spec says by now. */
function accessModes({ spec, status }: CriteoConnection): readonly string[] {
  return status?.ledger?.accessModes ?? spec.ledger?.volume?.accessModes ?? defaultAccessModes;
}

/** From the name and not the uid: a connection that was deleted and made anew finds its ledger. */
export function ledgerClaimName({ metadata }: CriteoConnection): string {
  return childName(metadata.name, 'ledger', [metadata.namespace ?? '', metadata.name]);
}

/** The claim that a connection asks for. Nobody owns it: what it remembers outlives the connection. */
export function ledgerClaim(connection: CriteoConnection): Claim | undefined {
  const volume = connection.spec.ledger?.volume;
  if (!volume) return undefined;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: ledgerClaimName(connection),
      ...namespaceOf(connection),
      labels: claimLabels,
    },
    spec: {
      accessModes: [...(volume.accessModes ?? defaultAccessModes)],
      resources: { requests: { storage: volume.size } },
      ...(volume.storageClassName === undefined ? {} : { storageClassName: volume.storageClassName }),
    },
  };
}

/** A ledger's claim, and no user's: it is no source, and one without the labels is no ledger. */
export function isLedgerClaim(claim: Claim): boolean {
  return Object.entries(claimLabels).every(([name, value]) => claim.metadata.labels?.[name] === value);
}
