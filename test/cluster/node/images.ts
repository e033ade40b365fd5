import { run } from '../run.ts';
import { enterNode, nodeInit } from './namespaces.ts';

/** Loads the images of an archive (OCI or Docker) into the node's containerd. */
export async function importImage(archive: string): Promise<true> {
  await ctr(['images', 'import', '-'], archive);
  return true;
}

/**
 * Loads the archive's image `tag` unless the node has it, and returns its name by digest, by which
 * pods can name it too.
 */
export async function importTaggedImage(tag: string, archive: string): Promise<string> {
  if (!(await digestOf(tag))) await ctr(['images', 'import', '-'], archive);
  const digest = await digestOf(tag);
  if (!digest) throw new Error(`${archive} holds no image ${tag}`);
  const reference = `${tag.slice(0, tag.lastIndexOf(':'))}@${digest}`;
  await ctr(['images', 'tag', '--force', tag, reference]);
  return reference;
}

async function digestOf(name: string): Promise<string | undefined> {
  const table = await ctr(['images', 'list', `name==${name}`]);
  return /sha256:[0-9a-f]{64}/.exec(table)?.[0];
}

async function ctr(args: readonly string[], inputFile?: string): Promise<string> {
  const [enter = '', ...enterArguments] = enterNode(nodeInit());
  const command = [...enterArguments, 'ctr', '--namespace', 'k8s.io', ...args];
  return run(enter, command, inputFile === undefined ? {} : { inputFile });
}
