import { caKey, tokenAudiences } from '../../../api/names.ts';
import type { Message, MessageContext } from './context.ts';
import { type SourceKind, type SourceWords, sourceWords } from './sourcewords.ts';
import { named, reply } from './words.ts';

/** About the way to a source: Secrets, identities, rights, the network. */
export const sourceAccessMessages = {
  SourceSecretMissing: (d, c) => {
    const w = sourceWords(c);
    const { key } = d;
    if (key === caKey) {
      return `${w.field}.caSecretRef: ${named('the Secret', c.source?.caSecretName)} is not in this namespace, or its key ${caKey} is missing or empty; it needs certificates of authorities in PEM.`;
    }
    const what = key === undefined ? 'is not in this namespace' : `has no key ${key}, or it is empty`;
    return `${secretField(w)}: ${secret(c)} ${what}; it needs ${neededKeys(w.kind)}.`;
  },

  SourceCredentialsRefused: (d, c) => {
    const w = sourceWords(c);
    const identity = identityOf(c);
    if (identity === undefined) {
      const alsoCheck =
        w.kind === 'postgresql' ? ', and see that pg_hba.conf of the server lets the user in' : '';
      return `${secretField(w)}: what is in ${secret(c)} was refused by ${keysFor(w)}${reply(d)}; put current values there: ${neededKeys(w.kind)}${alsoCheck}.`;
    }
    const account = named('the service account', c.source?.serviceAccountName);
    if (d.code === 'no-identity-token') {
      return `${w.field}.workloadIdentity: the pod has no token of ${account}; see that the cluster gives projected tokens to pods, and look at the Job's pod.`;
    }
    const subject = `the subject system:serviceaccount:${namespaceOf(c)}:${c.source?.serviceAccountName ?? 'NAME'}`;
    return identity.cloud === 'aws'
      ? `${w.field}.workloadIdentity: AWS does not let ${account} assume the role ${identity.name}${reply(d)}; its trust policy must name the issuer of this cluster's tokens, the audience ${tokenAudiences.aws} and ${subject}.`
      : `${w.field}.workloadIdentity: Microsoft Entra does not take ${account} for the identity ${identity.name}${reply(d)}; give that a federated credential with the issuer of this cluster's tokens, the audience ${tokenAudiences.azure} and ${subject}.`;
  },

  SourceForbidden: (d, c) => {
    const w = sourceWords(c);
    // No right in the store would help.
    if (d.code === 'local-address') return `${w.serverField}: ${w.server} is not where a source may lie.`;
    return `${w.readField}: ${w.place} may not be read${reply(d)}; ${neededRight(w, c)}.`;
  },

  SourceTlsNotTrusted: (_, c) => {
    const w = sourceWords(c);
    if (w.kind !== 'postgresql') {
      return `${w.serverField}: the certificate of ${w.server}, of the token service or of the proxy is not trusted; give the controller the CA's certificates with --ca-bundle-configmap, or mend the certificate.`;
    }
    const ca = c.source?.caSecretName;
    return ca === undefined
      ? `${w.field}.caSecretRef: the certificate of ${w.server} is not trusted, or the server has none; name a Secret whose key ${caKey} holds the certificate of its authority, and see that its certificate is for the host that ${w.serverField} names.`
      : `${w.field}.caSecretRef: the certificate of ${w.server} is of none of the authorities in the Secret "${ca}", or the server has none; put the right one into its key ${caKey}, and see that its certificate is for the host that ${w.serverField} names.`;
  },

  SourceUnavailable: (d, c) => {
    const w = sourceWords(c);
    return w.kind === 'file'
      ? `Reading ${w.place} broke off. Check the volume if it lasts.`
      : `${capital(w.server)} could not be reached, or failed${reply(d)}. If it lasts, check ${w.serverField}, the proxy and network policies.`;
  },

  SourceThrottled: (d, c) => {
    const w = sourceWords(c);
    const fewer = w.kind === 'customerInsights' ? `, lower ${w.field}.parallelScans` : '';
    return `${capital(w.server)} told the run to wait${reply(d)}, for longer than a run does. If it lasts, start runs at another time (spec.schedule.cron)${fewer}, or have its limit raised.`;
  },

  SourceReplyInvalid: (d, c) => {
    const w = sourceWords(c);
    return `${capital(w.server)} answered in a form that its published contract does not have${reply(d)}. If it lasts, see that ${w.serverField} names it, and that no proxy answers in its place.`;
  },
} satisfies Record<string, Message>;

const keysOf: Record<SourceKind, string> = {
  file: 'no Secret',
  s3: 'the keys accessKeyId and secretAccessKey, and sessionToken where they are temporary',
  azureBlob: 'the key sasToken, or accountKey, or the keys tenantId, clientId and clientSecret',
  postgresql: 'the keys username and password',
  customerInsights: 'the keys clientId and clientSecret',
};

function neededKeys(kind: SourceKind | undefined): string {
  return kind === undefined ? 'the keys that the field reference names' : keysOf[kind];
}

function secretField({ field }: SourceWords): string {
  return `${field}.credentialsSecretRef`;
}

function secret({ source }: MessageContext): string {
  return named('the Secret', source?.secretName);
}

/** Who looks at the values of the Secret. */
function keysFor({ kind, server }: SourceWords): string {
  return kind === 'customerInsights' ? `Microsoft Entra, or by ${server}` : server;
}

interface Identity {
  cloud: keyof typeof tokenAudiences;
  /** As the definition names it. */
  name: string;
}

function identityOf({ source }: MessageContext): Identity | undefined {
  const { s3, azureBlob, customerInsights } = source?.run ?? {};
  if (s3?.workloadIdentity) return { cloud: 'aws', name: s3.workloadIdentity.roleARN };
  const { clientId } = azureBlob?.workloadIdentity ?? customerInsights?.workloadIdentity ?? {};
  return clientId === undefined ? undefined : { cloud: 'azure', name: clientId };
}

function namespaceOf({ exportName }: MessageContext): string {
  return exportName?.split('/')[0] ?? 'NAMESPACE';
}

/** Who stands behind the values of a Secret. */
function holder(kind: SourceKind | undefined): string {
  if (kind === 's3') return 'the owner of the keys';
  return kind === 'postgresql' ? 'the user' : 'the application';
}

function neededRight({ kind, tables }: SourceWords, context: MessageContext): string {
  const who = identityOf(context)?.name ?? `${holder(kind)} in ${secret(context)}`;
  switch (kind) {
    case 's3':
      return `give ${who} the rights s3:GetObject and s3:ListBucket on the bucket, and kms:Decrypt where it is encrypted with a key of yours`;
    case 'azureBlob':
      return `give ${who} the role Storage Blob Data Reader on the container, or a SAS token the permissions to read and list; and see that the account's firewall lets the cluster in`;
    case 'postgresql':
      return `GRANT CONNECT on the database, USAGE on the schema and SELECT on what is read to ${who}`;
    case 'customerInsights':
      return `make ${who} an application user of the environment, with the roles Customer Insights Data Read Access and Customer Insights Data Configuration Viewer for the whole organization`;
    default:
      return tables ? "make it readable for the run's user (65532)" : 'have it made readable';
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
