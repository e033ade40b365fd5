import { readdirSync, readFileSync } from 'node:fs';
import { type Document, parseAllDocuments } from 'yaml';

/** One document of a manifest, and what the API server must make of it. */
export interface Example {
  /** The file and the place of the document in it, from 1. */
  title: string;
  object: { kind: string; spec: Record<string, unknown> };
  /** `field: beginning of the message` of each refusal; none where the object must be accepted. */
  refusals: string[];
}

const directory = new URL('manifests/', import.meta.url);

/**
 * Every document says in the comments above it what it is for: `# accepted`, or
 * one `# refused: field: message` for each thing that must be found wrong.
 */
export function readExamples(): Example[] {
  return readdirSync(directory).flatMap((file) => {
    const documents = parseAllDocuments(readFileSync(new URL(file, directory), 'utf8'));
    if ('empty' in documents) throw new Error(`${file} holds no document`);
    return documents.map((document, index) => toExample(`${file}, document ${index + 1}`, document));
  });
}

function toExample(title: string, document: Document): Example {
  if (document.errors.length > 0) throw new Error(`${title}: ${document.errors[0]?.message}`);
  const lines = [document.commentBefore, document.contents?.commentBefore]
    .join('\n')
    .split('\n')
    .map((line) => line.trim());
  const refusals = lines.flatMap((line) => /^refused: (.*)$/.exec(line)?.slice(1) ?? []);
  if (refusals.length === 0 && !lines.includes('accepted')) {
    throw new Error(`${title} says neither "# accepted" nor "# refused: ..."`);
  }
  return { title, object: document.toJS(), refusals };
}

/** The collection of a kind in the namespace default. */
export function collectionOf(kind: string): string {
  return `/apis/segmentexport.io/v1alpha1/namespaces/default/${kind.toLowerCase()}s`;
}
