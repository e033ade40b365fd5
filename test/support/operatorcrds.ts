import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const module = 'github.com/prometheus-operator/prometheus-operator@v0.85.0';
const kinds = ['servicemonitors', 'podmonitors', 'prometheusrules'];

export const operatorCrdNames = kinds.map((kind) => `${kind}.monitoring.coreos.com`);

/**
 * The CRDs of Prometheus Operator that our manifests are of, as YAML. They come out of its Go module, which Go keeps
 * outside the checkout; nothing is compiled.
 */
export async function operatorCrds(): Promise<string[]> {
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', module], {
    // A directory without a go.mod.
    cwd: tmpdir(),
    env: { ...process.env, GOWORK: 'off', GOFLAGS: '' },
  });
  const { Dir } = JSON.parse(stdout) as { Dir: string };
  const directory = join(Dir, 'example/prometheus-operator-crd');
  return Promise.all(
    kinds.map((kind) => readFile(join(directory, `monitoring.coreos.com_${kind}.yaml`), 'utf8')),
  );
}
