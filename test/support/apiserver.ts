import { Agent, request } from 'undici';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { kubectl } from '../cluster/kubectl.ts';
import { waitFor } from '../cluster/wait.ts';

/** What the API server says, as far as tests read it. */
export interface Reply {
  status: number;
  /** The object, or a metav1.Status. */
  body: ReplyBody;
}

export interface ReplyBody {
  kind?: string;
  message?: string;
  reason?: string;
  details?: { causes?: { field?: string; message?: string; reason?: string }[] };
  [field: string]: unknown;
}

export interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  query?: Record<string, string>;
  body?: unknown;
  /** Default: application/json; for a server-side apply application/apply-patch+yaml. */
  contentType?: string;
  accept?: string;
}

/** A plain HTTP client of the API server, as its administrator, or as whoever a bearer token is of. */
export class ApiServer implements AsyncDisposable {
  readonly #agent: Agent;
  readonly #server: string;

  readonly #authorization: Record<string, string>;

  constructor(controlPlane: ControlPlane, token?: string) {
    this.#server = controlPlane.server;
    const { certificateAuthority: ca, clientCertificate: cert, clientKey: key } = controlPlane;
    this.#agent = new Agent({ connect: token === undefined ? { ca, cert, key } : { ca } });
    this.#authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  async call(path: string, options: Call = {}): Promise<Reply> {
    const {
      method = 'GET',
      query = {},
      body,
      contentType = 'application/json',
      accept = 'application/json',
    } = options;
    const reply = await request(`${this.#server}${path}`, {
      dispatcher: this.#agent,
      method,
      query,
      headers: { accept, 'content-type': contentType, ...this.#authorization },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: reply.statusCode, body: (await reply.body.json()) as ReplyBody };
  }

  /** What a merge patch would answer; nothing is stored. */
  dryRunPatch(path: string, patch: unknown): Promise<Reply> {
    return this.call(path, {
      method: 'PATCH',
      contentType: 'application/merge-patch+json',
      query: { dryRun: 'All' },
      body: patch,
    });
  }

  /** What a create would answer, as kubectl asks it: unknown fields are refused, nothing is stored. */
  dryRunCreate(path: string, object: unknown): Promise<Reply> {
    return this.call(path, {
      method: 'POST',
      query: { dryRun: 'All', fieldValidation: 'Strict' },
      body: object,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.close();
  }
}

/** Installs the CRDs and waits until they are served. */
export async function installCrds(controlPlane: ControlPlane): Promise<void> {
  await kubectl(controlPlane.kubeconfigPath, ['apply', '--server-side', '-f', 'crds/']);
  await untilEstablished(
    (args) => kubectl(controlPlane.kubeconfigPath, args),
    ['criteoconnections.segmentexport.io', 'criteosegmentexports.segmentexport.io'],
  );
}

/** Waits until the API server serves the CRDs of these names. */
export async function untilEstablished(
  callKubectl: (args: readonly string[]) => Promise<string>,
  names: readonly string[],
): Promise<void> {
  // Of a CRD that has no conditions yet, kubectl does not wait: it fails.
  await waitFor('the CRDs to be served', 60_000, () =>
    callKubectl(['wait', '--for=condition=Established', '--timeout=30s', 'crd', ...names]),
  );
}
