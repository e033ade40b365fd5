import { objectStoreKeys } from '../../../api/names.ts';
import type { Message, MessageContext } from './context.ts';
import { code, httpStatus } from './words.ts';

/** About what remembers what Criteo has acknowledged. */
export const ledgerMessages = {
  LedgerSecretMissing: (d, c) =>
    `spec.ledger.s3.credentialsSecretRef of the connection: the Secret "${c.ledgerSecret ?? ''}" is not in this namespace, or ${d.key === undefined ? 'one of its keys' : `its key ${d.key}`} is missing or empty; it needs ${objectStoreKeys.accessKeyId} and ${objectStoreKeys.secretAccessKey}.`,
  LedgerForbidden: (d, c) =>
    `spec.ledger of the connection: ${ledgerWords(c)} refused access${httpStatus(d)}${code(d)}; ${c.ledgerSecret === undefined ? "let the run's user (65532) read and write it" : `give the keys in the Secret "${c.ledgerSecret}" the right to read, write, list and delete there`}.`,
  LedgerReadOnly: (_, c) =>
    `spec.ledger of the connection: ${ledgerWords(c)} is mounted read-only; give it back as writable.`,
  LedgerFull: (_, c) =>
    `spec.ledger of the connection: ${ledgerWords(c)} is full; enlarge it. A million identifiers need about 100 MiB a segment, more where many of them change within a day.`,
  LedgerNotUsable: (d, c) =>
    `spec.ledger of the connection: ${ledgerWords(c)} cannot hold a ledger${code(d)}; a volume needs hard links and a store conditional writes (If-Match and If-None-Match): take another.`,
  LedgerDamaged: (_, c) =>
    `spec.ledger of the connection: what this export remembers in ${ledgerWords(c)} is damaged, and nothing was sent. docs/ledger.md tells how to begin anew with existing: TakeOver, and which backup may be put back.`,
  LedgerTooNew: (_, c) =>
    `spec.ledger of the connection: what this export remembers in ${ledgerWords(c)} was written by a newer release, and nothing was sent; run that release, or begin anew with existing: TakeOver as docs/ledger.md tells.`,
  LedgerOfAnother: (d, c) =>
    `spec.ledger of the connection: ${ledgerWords(c)} holds the ledger of ${d.owner === undefined || d.owner === c.exportName ? 'this export before it was deleted and made anew, or of one of its name in another cluster' : `the export ${d.owner}`}, and nothing was sent; docs/ledger.md tells how to begin anew with existing: TakeOver.`,

  LedgerUnavailable: (d, c) =>
    `The ledger in ${ledgerWords(c)} could not be reached, or failed${httpStatus(d)}${code(d)}. If it lasts, check it, and spec.ledger of the connection.`,
  LedgerBusy: (_, c) =>
    `Another run holds the ledger in ${ledgerWords(c)}; it lets go within minutes of its end, however it ended.`,
  LedgerLeaseLost: (_, c) =>
    `The run lost its hold on the ledger in ${ledgerWords(c)}, and sent nothing more; a slow store or a paused node does that.`,
} satisfies Record<string, Message>;

/** The ledger's volume claim or bucket. */
export function ledgerWords(context: MessageContext): string {
  return context.ledgerPlace ?? 'the ledger';
}
