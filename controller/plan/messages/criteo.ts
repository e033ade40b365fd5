import { credentialKeys } from '../../../api/names.ts';
import type { ReportDetails } from '../../../api/report.ts';
import type { Message, MessageContext } from './context.ts';
import { ledgerWords } from './ledger.ts';
import { code, httpStatus } from './words.ts';

/** About Criteo: its credentials, its API and the segments there. */
export const criteoMessages = {
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

  TooManyProfiles: (d, c) =>
    `spec.maxProfiles: the segments hold at least ${d.count ?? 'one more'} profiles, the limit is ${c.maxProfiles ?? ''} over all segments of the export; nothing was sent. Raise the lower of the export's and the connection's maxProfiles if the Criteo contract allows it.`,
  SegmentNotOurs: (d, c) =>
    `Criteo has a segment "${c.segment?.criteoName ?? ''}" that this export did not make${held(d)}; choose another criteoName, add to it with existing: Keep${takeOver(c)}.`,
  SegmentOwnedByAnother: (d, c) =>
    `The Criteo segment "${c.segment?.criteoName ?? ''}" belongs to the export ${d.owner ?? 'of another cluster'}${namesake(d, c)}`,
  SegmentReadOnly: (_, c) =>
    `Criteo says that the segment "${c.segment?.criteoName ?? ''}" is read-only; choose another criteoName.`,
  SegmentNameRefused: (d, c) =>
    `Criteo refused the name "${c.segment?.criteoName ?? ''}" for the segment${d.code === 'name-must-be-unique' ? ': another segment has it' : ''}; choose another criteoName.`,
  SegmentNotInLedger: (d, c) =>
    `spec.segments: Criteo has the segment "${c.segment?.criteoName ?? ''}" of this export${held(d)}, and ${ledgerWords(c)} does not know it. Put back a backup of the ledger that no run has followed; or write existing: TakeOver, which empties the segment once and fills it anew; or existing: Keep, which adds to it and leaves in it who is there now.`,
  CriteoRefused: (d) =>
    `Criteo refused a call${httpStatus(d)}${code(d)}; what it had acknowledged before stays, and the next run puts it right.`,
  SegmentsFailed: () => 'Some segments failed; status.segments tells which, and why.',

  RemovalGuard: (d, c) =>
    `${d.count === undefined ? 'Suspiciously many' : `${d.count} of ${d.total ?? 'all'}`} identifiers would be removed from the segment "${c.segment?.criteoName ?? ''}", more than spec.removalGuard.maxPercent (${c.maxPercent ?? ''}) allows; nothing was sent for it. If that is right, approve it with \`${c.approve ?? 'kubectl annotate criteosegmentexport ... segmentexport.io/approvedRun=...'}\`; else mend the source.`,

  CriteoUnavailable: (d) =>
    `Criteo could not be reached, or failed${httpStatus(d)}. If it lasts, check the connection's spec.api.baseUrl, the proxy and network policies.`,
  CriteoThrottled: () => "Criteo's limit of calls a minute was used up for longer than a run waits.",
  CriteoReplyInvalid: () => 'Criteo answered in a form that its published contract does not have.',
} satisfies Record<string, Message>;

/** The same name is another cluster's, or this export's own before it was deleted and made anew. */
function namesake(details: ReportDetails, context: MessageContext): string {
  return details.owner !== undefined && details.owner === context.exportName
    ? ` of another cluster, or of this one before it was deleted and made anew; choose another criteoName, add to it with existing: Keep${takeOver(context)}.`
    : '; choose another criteoName.';
}

function held(details: ReportDetails): string {
  return details.count === undefined ? '' : ` and that holds ${details.count} identifiers`;
}

function takeOver(context: MessageContext): string {
  return context.hasLedger === false ? '' : ', or empty it once and fill it anew with existing: TakeOver';
}
