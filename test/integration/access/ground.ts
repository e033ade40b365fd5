import { apiVersion } from '../../../api/names.ts';
import { manifests } from '../../../deploy/manifests.ts';
import { defaultOptions } from '../../../deploy/options.ts';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { kubectl } from '../../cluster/kubectl.ts';
import { waitFor } from '../../cluster/wait.ts';
import { ApiServer, installCrds } from '../../support/apiserver.ts';
import { Person, Visitors } from './person.ts';

export const namespace = 'shop';
export const otherNamespace = 'elsewhere';
export const allowedBaseUrl = 'https://criteo.example';

/** A control plane with everything that an installation brings, but no controller: what it would do is done by hand. */
export interface Ground extends AsyncDisposable {
  controlPlane: ControlPlane;
  /** As the one who made the cluster; no policy refuses them but for what nobody may. */
  api: ApiServer;
  person(username: string): Person;
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Server-side, and whatever was there before. */
  apply(...objects: object[]): Promise<void>;
}

export async function prepareGround(): Promise<Ground> {
  const controlPlane = await startControlPlane();
  const api = new ApiServer(controlPlane);
  const visitors = new Visitors(controlPlane);
  const run = (args: readonly string[], input?: string) => kubectl(controlPlane.kubeconfigPath, args, input);
  const ground: Ground = {
    controlPlane,
    api,
    person: (username) => new Person(visitors, username),
    kubectl: run,
    apply: async (...objects) => {
      const documents = objects.map((object) => `---\n${JSON.stringify(object)}\n`).join('');
      await run(['apply', '--server-side', '--force-conflicts', '-f', '-'], documents);
    },
    [Symbol.asyncDispose]: async () => {
      await visitors[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
      await controlPlane.stop();
    },
  };
  try {
    await installCrds(controlPlane);
    for (const kind of ['criteoconnections', 'criteosegmentexports']) await untilServed(api, kind);
    const image = 'registry.example/criteo-segment-export@sha256:0123';
    const allowedBaseUrls = ['https://api.criteo.com', allowedBaseUrl];
    const installed = manifests({ ...defaultOptions, image, allowedBaseUrls });
    await ground.apply(
      ...installed.filter(({ kind }) => kind !== 'Deployment'),
      namespaceOf(namespace),
      namespaceOf(otherNamespace),
    );
    await untilPoliciesAreInForce(ground);
    return ground;
  } catch (error) {
    await ground[Symbol.asyncDispose]();
    throw error;
  }
}

/** The API server learns of Roles and bindings a moment after they were stored. */
export async function untilAllowed(who: Person, attributes: object): Promise<void> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { namespace, ...attributes } },
  };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  await waitFor(`the rights of ${who.username} to be in force`, 60_000, async () => {
    const { body } = await who.call(path, { method: 'POST', body: review });
    return (body.status as { allowed?: boolean } | undefined)?.allowed || undefined;
  });
}

/** A kind that is established may still have its storage made. */
async function untilServed(api: ApiServer, kind: string): Promise<void> {
  const path = `/apis/${apiVersion}/${kind}`;
  await waitFor(`${kind} to be served`, 30_000, async () =>
    (await api.call(path)).status === 200 ? true : undefined,
  );
}

function namespaceOf(name: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

/**
 * The API server learns of policies a moment after they were stored, in the order in
 * which they were: what is in force for the last one is so for all.
 */
async function untilPoliciesAreInForce({ api, apply }: Ground): Promise<void> {
  const metadata = { name: 'last.test' };
  const admission = 'admissionregistration.k8s.io/v1';
  const rule = { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] };
  await apply(
    {
      apiVersion: admission,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        matchConstraints: { resourceRules: [rule] },
        validations: [{ expression: 'object.metadata.name != "last"' }],
      },
    },
    {
      apiVersion: admission,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: metadata.name, validationActions: ['Deny'] },
    },
  );
  const probe = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'last' } };
  await waitFor('the policies to be in force', 60_000, async () =>
    (await api.dryRunCreate('/api/v1/namespaces/default/configmaps', probe)).status === 201
      ? undefined
      : true,
  );
}
