import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { holdsInPlain } from './plaintext.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'plaintext-'));
  await mkdir(join(directory, 'stacks'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const state = (text: string): Promise<void> => writeFile(join(directory, 'stacks', 'test.json'), text);

test.each([
  ['as it was given', { stringData: { clientSecret: 'canary-secret' } }],
  ['in base64, as a Secret has it', { data: { clientSecret: btoa('canary-secret') } }],
])('a secret is found in a state %s', async (_, inputs) => {
  await state(JSON.stringify(inputs));
  expect(await holdsInPlain(directory, 'canary-secret')).toBe(true);
});

test('ciphertext is no plain text', async () => {
  await state(JSON.stringify({ data: { ciphertext: 'v1:aGVsbG8=' } }));
  expect(await holdsInPlain(directory, 'canary-secret')).toBe(false);
});

test('a directory without a file is no proof', async () => {
  await expect(holdsInPlain(directory, 'canary-secret')).rejects.toThrow('no file');
});
