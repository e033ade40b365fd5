import fc from 'fast-check';
import { validateConnection, validateExport } from '../../../../api/validate.ts';
import { crdFiles, readCrd, type Schema, schemaOf } from '../../../../scripts/generate/crd.ts';
import type { ApiServer, Reply } from '../../../support/apiserver.ts';
import { collectionOf } from '../manifests.ts';
import { type Generated, generated } from './breaking.ts';
import { validManifest } from './valid.ts';

/** A generated manifest and what both sides say of it. */
export interface Judged extends Generated {
  kind: string;
  reply: Reply;
  local: ReturnType<typeof validateConnection | typeof validateExport>;
}

/** The kinds, with their schemas. */
export const kinds: { kind: string; schema: Schema }[] = crdFiles.map((file) => {
  const crd = readCrd(file);
  return { kind: crd.spec.names.kind, schema: schemaOf(crd) };
});

/** So many calls are under way at once: the API server has work meanwhile, and is not drowned. */
const lanes = 8;

/** Half of `count` of each kind, from one seed, each asked about on both sides. Nothing is stored. */
export async function judgedManifests(server: ApiServer, count: number, seed: number): Promise<Judged[]> {
  const waiting = kinds.flatMap(({ kind, schema }) =>
    fc
      .sample(generated(validManifest(kind, schema), schema), {
        numRuns: Math.ceil(count / kinds.length),
        seed,
      })
      .map((made) => ({ kind, ...made })),
  );
  const judged: Judged[] = [];
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (let next = waiting.pop(); next; next = waiting.pop()) {
        const reply = await server.dryRunCreate(collectionOf(next.kind), next.object);
        judged.push({ ...next, reply, local: validateLocally(next) });
      }
    }),
  );
  return judged;
}

function validateLocally({ kind, object }: { kind: string } & Generated): Judged['local'] {
  const validate = kind === 'CriteoConnection' ? validateConnection : validateExport;
  return validate(object, { unknownFields: 'refuse' });
}

/** A manifest with how it was broken, for a failure's message. */
export function told({ kind, object, breaks }: Judged): string {
  const text = JSON.stringify(object);
  return `${kind} (${breaks.join('; ') || 'valid'}) ${text.length > 1500 ? `${text.slice(0, 1500)}…` : text}`;
}
