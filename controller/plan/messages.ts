import { credentialKeys, objectStoreKeys } from '../../api/names.ts';
import type { RunReason } from '../../api/reasons.ts';
import type { ReportDetails } from '../../api/report.ts';

/** What a message may speak of: words of the user's own manifests, and numbers. */
export interface MessageContext {
  secretName: string;
  apiVersion: string;
  /** `namespace/name` of the export. */
  exportName?: string;
  advertiserId?: string;
  claimName?: string;
  path?: string;
  /** match.email.field, then its fallbackFields. */
  emailFields?: readonly string[];
  segmentField?: string;
  consentField?: string;
  maxProfiles?: number;
  /** Whether runs have a ledger: without one `TakeOver` is no way out. */
  hasLedger?: boolean;
  /** The ledger's volume claim or bucket. */
  ledgerPlace?: string;
  ledgerSecret?: string;
  maxPercent?: number;
  /** The command by which a person approves the run. */
  approve?: string;
  segment?: { name: string; criteoName: string };
}

type Message = (details: ReportDetails, context: MessageContext) => string;

/**
 * One sentence a code: what was found, and what would be right. The words come
 * from here and from the user's manifest, never from a file or an API.
 */
const messages: Record<RunReason, Message> = {
  Succeeded: () => 'Criteo acknowledged everything that was sent.',

  SecretNotFound: (_, c) =>
    `spec.credentialsSecretRef of the connection: the Secret "${c.secretName}" is not in this namespace; create it with the keys ${credentialKeys.clientId} and ${credentialKeys.clientSecret}.`,
  SecretKeyMissing: (d, c) =>
    `spec.credentialsSecretRef of the connection: the Secret "${c.secretName}" has no key ${d.key ?? 'clientId or clientSecret'} or it is empty; it needs ${credentialKeys.clientId} and ${credentialKeys.clientSecret}.`,
  CredentialsRefused: (_, c) =>
    `Criteo refused the client id and secret in the Secret "${c.secretName}"; take both from the same app in Criteo's partner portal.`,
  PermissionMissing: (d) =>
    `Criteo refused the call${httpStatus(d)}${code(d)}; the app needs the permission "Audiences: Manage", and the advertiser's consent.`,
  AdvertiserNotAllowed: (_, c) =>
    `spec.advertiserId: Criteo's account may not use advertiser ${c.advertiserId ?? ''}; take one of the connection's status.advertisers, or have its consent given to the app.`,
  ApiVersionGone: (_, c) =>
    `spec.api.version of the connection: Criteo no longer serves version ${c.apiVersion} of its API; name a current one.`,
  TlsNotTrusted: () =>
    "The certificate of the connection's spec.api.baseUrl, or of the proxy, is not trusted; give the controller the CA's certificates with --ca-bundle-configmap, or mend the certificate.",
  SourceNotFound: (_, c) =>
    `spec.source.file.path: "${c.path ?? ''}" is not in the claim "${c.claimName ?? ''}"; put the file there or name the right path, relative to the claim's root.`,
  SourceUnreadable: (_, c) =>
    `spec.source.file.path: "${c.path ?? ''}" cannot be read by the run's user (65532), or it leads out of the claim; make it readable and keep links inside the claim.`,
  SourceEmpty: (_, c) =>
    `spec.source.file.path: "${c.path ?? ''}" is empty; a CSV file has a line of column names, then one line a profile.`,
  SourceNotCsv: (d, c) =>
    `spec.source.file.path: "${c.path ?? ''}" is not readable as CSV in UTF-8${line(d)}; check spec.source.file.csv.delimiter, the quotes and the encoding.`,
  FieldNotFound: (d, c) =>
    `spec.match.email: no column is named "${c.emailFields?.[d.fieldIndex ?? 0] ?? ''}"; the file's first line must hold the column names, spelled as here.${delimiterHint(d)}`,
  SegmentFieldNotFound: (d, c) =>
    `spec.source.file.segmentField: no column is named "${c.segmentField ?? ''}"; the file's first line must hold the column names, spelled as here.${delimiterHint(d)}`,
  SegmentFieldMissing: (_, c) =>
    `spec.source.file.segmentField: it must be set when one file holds several segments, and must not be set when "${c.path ?? ''}" is a directory of one file a segment.`,
  ConsentFieldNotFound: (d, c) =>
    `spec.consent.field: no column is named "${c.consentField ?? ''}"; the file's first line must hold the column names, spelled as here. Nobody was sent.${delimiterHint(d)}`,
  SegmentNotFound: (_, c) =>
    `spec.segments: ${missingSegment(c)}; spell the segment as the source does, or take it out. Nothing was sent for it.`,
  SegmentEmpty: (_, c) =>
    `spec.segments: the segment "${c.segment?.name ?? ''}" has no row with a valid e-mail address; fill it, check spec.match.email, or take it out. Nothing was sent for it.`,
  TooManyProfiles: (d, c) =>
    `spec.maxProfiles: the segments hold at least ${d.count ?? 'one more'} profiles, the limit is ${c.maxProfiles ?? ''} over all segments of the export; nothing was sent. Raise the lower of the export's and the connection's maxProfiles if the Criteo contract allows it.`,
  TooManyWithoutConsent: (d, c) =>
    `spec.consent: more than ${d.count ?? 'a million'} people have no consent by the column "${c.consentField ?? ''}", more than a run keeps apart; nothing was sent. Check the operator and its value, or leave such people out of the source.`,
  SegmentNotOurs: (d, c) =>
    `Criteo has a segment "${c.segment?.criteoName ?? ''}" that this export did not make${held(d)}; choose another criteoName, add to it with existing: Keep${takeOver(c)}.`,
  SegmentOwnedByAnother: (d, c) =>
    `The Criteo segment "${c.segment?.criteoName ?? ''}" belongs to the export ${d.owner ?? 'of another cluster'}${namesake(d, c)}`,
  SegmentReadOnly: (_, c) =>
    `Criteo says that the segment "${c.segment?.criteoName ?? ''}" is read-only; choose another criteoName.`,
  SegmentNameRefused: (d, c) =>
    `Criteo refused the name "${c.segment?.criteoName ?? ''}" for the segment${d.code === 'name-must-be-unique' ? ': another segment has it' : ''}; choose another criteoName.`,
  SegmentNotInLedger: (d, c) =>
    `spec.segments: Criteo has the segment "${c.segment?.criteoName ?? ''}" of this export${held(d)}, and ${place(c)} does not know it. Put the ledger back from a backup; or write existing: TakeOver, which empties the segment once and fills it anew; or existing: Keep, which adds to it and leaves in it who is there now.`,
  CriteoRefused: (d) =>
    `Criteo refused a call${httpStatus(d)}${code(d)}; what it had acknowledged before stays, and the next run puts it right.`,
  SegmentsFailed: () => 'Some segments failed; status.segments tells which, and why.',

  LedgerSecretMissing: (d, c) =>
    `spec.ledger.s3.credentialsSecretRef of the connection: the Secret "${c.ledgerSecret ?? ''}" is not in this namespace, or ${d.key === undefined ? 'one of its keys' : `its key ${d.key}`} is missing or empty; it needs ${objectStoreKeys.accessKeyId} and ${objectStoreKeys.secretAccessKey}.`,
  LedgerForbidden: (d, c) =>
    `spec.ledger of the connection: ${place(c)} refused access${httpStatus(d)}${code(d)}; ${c.ledgerSecret === undefined ? "let the run's user (65532) read and write it" : `give the keys in the Secret "${c.ledgerSecret}" the right to read, write, list and delete there`}.`,
  LedgerReadOnly: (_, c) =>
    `spec.ledger of the connection: ${place(c)} is mounted read-only; give it back as writable.`,
  LedgerFull: (_, c) =>
    `spec.ledger of the connection: ${place(c)} is full; enlarge it. A million identifiers need about 64 MiB a segment.`,
  LedgerNotUsable: (d, c) =>
    `spec.ledger of the connection: ${place(c)} cannot hold a ledger${code(d)}; a volume needs hard links and a store conditional writes (If-Match and If-None-Match): take another.`,
  LedgerDamaged: (_, c) =>
    `spec.ledger of the connection: what this export remembers in ${place(c)} is damaged, and nothing was sent. docs/ledger.md tells how to put it back from a backup, or to begin anew with existing: TakeOver.`,
  LedgerTooNew: (_, c) =>
    `spec.ledger of the connection: what this export remembers in ${place(c)} was written by a newer release, and nothing was sent; run that release, or put a backup from before it back as docs/ledger.md tells.`,
  LedgerOfAnother: (d, c) =>
    `spec.ledger of the connection: ${place(c)} holds the ledger of ${d.owner === undefined || d.owner === c.exportName ? 'this export before it was deleted and made anew, or of one of its name in another cluster' : `the export ${d.owner}`}, and nothing was sent; docs/ledger.md tells how to take it over or to begin anew.`,

  RemovalGuard: (d, c) =>
    `${d.count === undefined ? 'Suspiciously many' : `${d.count} of ${d.total ?? 'all'}`} identifiers would be removed from the segment "${c.segment?.criteoName ?? ''}", more than spec.removalGuard.maxPercent (${c.maxPercent ?? ''}) allows; nothing was sent for it. If that is right, approve it with \`${c.approve ?? 'kubectl annotate criteosegmentexport ... segmentexport.io/approvedRun=...'}\`; else mend the source.`,

  CriteoUnavailable: (d) =>
    `Criteo could not be reached, or failed${httpStatus(d)}. If it lasts, check the connection's spec.api.baseUrl, the proxy and network policies.`,
  CriteoThrottled: () => "Criteo's limit of calls a minute was used up for longer than a run waits.",
  CriteoReplyInvalid: () => 'Criteo answered in a form that its published contract does not have.',
  SourceUnavailable: (_, c) => `Reading "${c.path ?? ''}" broke off. Check the volume if it lasts.`,
  LedgerUnavailable: (d, c) =>
    `The ledger in ${place(c)} could not be reached, or failed${httpStatus(d)}${code(d)}. If it lasts, check it, and spec.ledger of the connection.`,
  LedgerBusy: (_, c) =>
    `Another run holds the ledger in ${place(c)}; it lets go within minutes of its end, however it ended.`,
  LedgerLeaseLost: (_, c) =>
    `The run lost its hold on the ledger in ${place(c)}, and sent nothing more; a slow store or a paused node does that.`,
  Interrupted: () => 'The pod was ended before the run was done.',

  RunDocumentInvalid: () =>
    "The exporter's image does not understand the controller's run document; give both the same version.",
  InternalError: () =>
    'The exporter failed unexpectedly; this is a defect: please report it with the log of the pod.',
};

/** The message of a code; ends with a full stop. */
export function messageFor(
  reason: RunReason,
  details: ReportDetails | undefined,
  context: MessageContext,
): string {
  return messages[reason](details ?? {}, context);
}

function missingSegment({ segment, segmentField, path }: MessageContext): string {
  return segmentField === undefined
    ? `"${path ?? ''}" has no file "${segment?.name ?? ''}.csv"`
    : `no row has "${segment?.name ?? ''}" in the column "${segmentField}"`;
}

function httpStatus(details: ReportDetails): string {
  return details.status === undefined ? '' : ` (HTTP ${details.status})`;
}

function code(details: ReportDetails): string {
  return details.code === undefined ? '' : ` with the code ${details.code}`;
}

function line(details: ReportDetails): string {
  return details.line === undefined ? '' : ` at line ${details.line}`;
}

/** The same name is another cluster's, or this export's own before it was deleted and made anew. */
function namesake(details: ReportDetails, context: MessageContext): string {
  return details.owner !== undefined && details.owner === context.exportName
    ? ` of another cluster, or of this one before it was deleted and made anew; choose another criteoName, add to it with existing: Keep${takeOver(context)}.`
    : '; choose another criteoName.';
}

function held(details: ReportDetails): string {
  return details.count === undefined ? '' : ` and that holds ${details.count} identifiers`;
}

function place(context: MessageContext): string {
  return context.ledgerPlace ?? 'the ledger';
}

function takeOver(context: MessageContext): string {
  return context.hasLedger === false ? '' : ', or empty it once and fill it anew with existing: TakeOver';
}

function delimiterHint(details: ReportDetails): string {
  return details.delimiter === undefined
    ? ''
    : ` With spec.source.file.csv.delimiter: ${details.delimiter} it would be found.`;
}
