import { hash } from 'node:crypto';
import type { ApiServer } from '../../support/apiserver.ts';

/** What may be seen nowhere, by name. */
export type Canaries = Readonly<Record<string, string>>;

/** An address, and what it can be told by: a part of it, its digest as text and as bytes in base64. */
export function addressCanaries(address: string, part: string): Canaries {
  const digest = hash('sha256', address);
  return {
    address,
    'part of an address': part,
    digest,
    'digest in base64': withoutPadding(Buffer.from(digest, 'hex').toString('base64')),
  };
}

/** The canaries in a text, by name: as they are, in any case, and in the forms that a log or an object could give them. */
export function found(text: string, canaries: Canaries): string[] {
  const lower = text.toLowerCase();
  return Object.entries(canaries).flatMap(([name, canary]) =>
    formsOf(canary).some((form) => lower.includes(form.toLowerCase())) ? [name] : [],
  );
}

function formsOf(canary: string): string[] {
  const bytes = Buffer.from(canary);
  // In base64 a text looks in one of three ways, by where it begins; its ends depend on its neighbours.
  const encoded = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .slice(offset === 0 ? 0 : 4, -4),
  );
  return [
    canary,
    JSON.stringify(canary).slice(1, -1),
    encodeURIComponent(canary),
    bytes.toString('hex'),
    ...encoded.filter((form) => form.length >= 8),
  ];
}

function withoutPadding(base64: string): string {
  return base64.replace(/=+$/, '');
}

interface ApiResource {
  name: string;
  namespaced: boolean;
  verbs: string[];
}

/** Every object of every kind that the API server lists in a namespace, as text; Secrets are where secrets belong. */
export async function everythingIn(api: ApiServer, namespace: string): Promise<Map<string, string>> {
  const { body } = await api.call('/apis');
  const groups = body.groups as { preferredVersion: { groupVersion: string } }[];
  const roots = groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`);
  const texts = new Map<string, string>();
  for (const root of ['/api/v1', ...roots]) {
    const { body: listed } = await api.call(root);
    for (const { name, namespaced, verbs } of listed.resources as ApiResource[]) {
      if (!namespaced || !verbs.includes('list') || name === 'secrets') continue;
      const path = `${root}/namespaces/${namespace}/${name}`;
      const { status, body: objects } = await api.call(path);
      if (status === 200) texts.set(path, JSON.stringify(objects));
    }
  }
  return texts;
}
