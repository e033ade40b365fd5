import { request } from 'undici';
import { kindOf } from '../../criteo/exchange.ts';
import { Fault } from '../../fault.ts';
import { readIdentityToken } from '../identitytoken.ts';
import type { SourceSurroundings } from '../open.ts';

/** Keys that AWS' token service gives for a while. */
export interface TemporaryKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiration: Date;
}

const attempts = 3;
const callTimeoutMs = 15_000;
/** A reply is some 2 KB. */
const maxReplyBytes = 100_000;

/** The service's codes that are told apart, and our own words for them. */
const refusals: Readonly<Record<string, string>> = {
  // Also where there is no such role, or it does not trust the service account.
  AccessDenied: 'role-not-assumable',
  ExpiredTokenException: 'identity-token-expired',
  IDPRejectedClaim: 'identity-token-rejected',
  InvalidIdentityToken: 'identity-token-rejected',
  RegionDisabledException: 'region-disabled',
};

/** Codes that pass, though their status is one of the caller's faults. */
const passing: readonly (string | undefined)[] = [
  'IDPCommunicationError',
  'Throttling',
  'ThrottlingException',
];

/**
 * Keys of the role that the service account may assume (AssumeRoleWithWebIdentity): one call that is not
 * signed, so nothing of it needs a client of AWS.
 * @throws Fault SourceCredentialsRefused, SourceUnavailable, SourceTlsNotTrusted, SourceReplyInvalid.
 */
export async function assumeRole(
  { region, roleARN }: { region: string; roleARN: string },
  { dispatcher, clock, identityToken, stsEndpoint }: SourceSurroundings,
  signal: AbortSignal,
): Promise<TemporaryKeys> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    const form = new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: roleARN,
      RoleSessionName: 'segmentexport',
      WebIdentityToken: await readIdentityToken(identityToken),
    });
    const outcome = await post(stsEndpoint ?? stsEndpointOf(region), form, dispatcher, signal);
    if (!(outcome instanceof Fault)) return outcome;
    if (outcome.reason !== 'SourceUnavailable' || attempt === attempts) throw outcome;
    await clock.sleep(1000 * 2 ** attempt * clock.random(), signal);
  }
}

/** The token service of a region; AWS in China has a domain of its own. */
export function stsEndpointOf(region: string): string {
  return `https://sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

async function post(
  url: string,
  form: URLSearchParams,
  dispatcher: SourceSurroundings['dispatcher'],
  signal: AbortSignal,
): Promise<TemporaryKeys | Fault> {
  try {
    const reply = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/xml' },
      body: form.toString(),
      dispatcher,
      signal: AbortSignal.any([signal, AbortSignal.timeout(callTimeoutMs)]),
    });
    return readReply(reply.statusCode, await readText(reply.body));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Fault) return error;
    return new Fault(kindOf(error) === 'NotTrusted' ? 'SourceTlsNotTrusted' : 'SourceUnavailable');
  }
}

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxReplyBytes) return '';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The keys of a reply, or the fault that it means. */
function readReply(status: number, xml: string): TemporaryKeys | Fault {
  if (status !== 200) {
    const code = elementOf(xml, 'Code');
    const refusal = code !== undefined && Object.hasOwn(refusals, code) ? refusals[code] : undefined;
    if (refusal !== undefined) return new Fault('SourceCredentialsRefused', { code: refusal });
    if (status >= 500 || status === 408 || status === 429 || passing.includes(code))
      return new Fault('SourceUnavailable', { status });
    const isOfSts = code !== undefined;
    return new Fault(isOfSts ? 'SourceCredentialsRefused' : 'SourceReplyInvalid', { status });
  }
  const accessKeyId = elementOf(xml, 'AccessKeyId');
  const secretAccessKey = elementOf(xml, 'SecretAccessKey');
  const sessionToken = elementOf(xml, 'SessionToken');
  const expiration = new Date(elementOf(xml, 'Expiration') ?? '');
  if (!accessKeyId || !secretAccessKey || !sessionToken || Number.isNaN(expiration.getTime()))
    return new Fault('SourceReplyInvalid', { status });
  return { accessKeyId, secretAccessKey, sessionToken, expiration };
}

/** The text of the first element of that name; none of those that are read here holds an escape or another element. */
function elementOf(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<>&]*)</${name}>`).exec(xml)?.[1]?.trim();
}
