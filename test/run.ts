import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { controllerRules, leaseRules } from '../deploy/rbac.ts';
import { kubernetesPrograms } from './cluster/binary.ts';
import { clusterStatus, downCluster } from './cluster/cluster.ts';
import { localDirectory, repositoryDirectory } from './cluster/paths.ts';
import { manifestTools } from './integration/manifests/tools.ts';
import { azuriteProgram } from './support/azurite.ts';
import { gitopsHealthProgram } from './support/gitopshealth.ts';
import { kubernetesCronProgram } from './support/kubernetescron.ts';
import { postgresqlPrograms } from './support/postgresql.ts';
import { prometheusPrograms } from './support/prometheus.ts';
import { prepareGround } from './support/stack.ts';
import { compareRights, forgetUsedRights, grantedRights, keptRights } from './support/usedrights.ts';
import { versitygwProgram } from './support/versitygw.ts';

const usage = `Usage: npm test [-- checks|unit|integration|e2e ...]

Runs the named levels, or all of them, and ends with a line "N passed, N failed".
  checks       types, lint and formatting, generated files
  unit         no cluster
  integration  a real API server and controller manager; compiles Kubernetes the first time (ten minutes)
  e2e          a real node with pods, and the image built from the Dockerfile`;

const levels = ['checks', 'unit', 'integration', 'e2e'] as const;
type Level = (typeof levels)[number];

interface Tally {
  passed: number;
  failed: number;
}

const asked = process.argv.slice(2);
const unknown = asked.find((level) => !levels.some((known) => known === level));
if (asked.includes('--help') || unknown !== undefined) {
  console.log(usage);
  process.exit(unknown === undefined || unknown === '--help' ? 0 : 2);
}
const chosen = asked.length > 0 ? levels.filter((level) => asked.includes(level)) : levels;

const startedAt = performance.now();
const total: Tally = { passed: 0, failed: 0 };
for (const level of chosen) {
  headline(level);
  const tally = await runLevel(level).catch((error: unknown) => {
    console.error(error);
    return { passed: 0, failed: 1 };
  });
  total.passed += tally.passed;
  total.failed += tally.failed;
}
headline(total.failed === 0 ? 'all is well' : 'something failed; look above');
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
// The last line, because that is where it is looked for.
console.log(`${total.passed} passed, ${total.failed} failed`);

async function runLevel(level: Level): Promise<Tally> {
  switch (level) {
    case 'checks':
      return runChecks();
    case 'unit':
      return runVitest(level);
    case 'integration':
      // Compiled here, with progress, and not while a test waits for it.
      await kubernetesPrograms(console.log);
      await versitygwProgram(console.log);
      await azuriteProgram(console.log);
      await postgresqlPrograms(console.log);
      await prometheusPrograms(console.log);
      await manifestTools(console.log);
      await gitopsHealthProgram(console.log);
      await kubernetesCronProgram(console.log);
      return runIntegration();
    case 'e2e':
      return runE2e();
  }
}

async function runChecks(): Promise<Tally> {
  const checks: Record<string, string[]> = {
    types: ['node_modules/typescript/bin/tsc'],
    'lint and formatting': ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'],
    'generated files': ['scripts/generate.ts', '--check'],
  };
  const tally: Tally = { passed: 0, failed: 0 };
  for (const [name, args] of Object.entries(checks)) {
    const code = await node(args);
    console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name}`);
    if (code === 0) tally.passed += 1;
    else tally.failed += 1;
  }
  return tally;
}

/** When all is well, the controller's rights are compared with those that the API server saw it use. */
async function runIntegration(): Promise<Tally> {
  await forgetUsedRights();
  const tally = await runVitest('integration');
  if (tally.failed > 0) return tally;
  const { missing, spare } = compareRights(
    await keptRights(),
    grantedRights([...controllerRules, ...leaseRules]),
  );
  for (const right of missing) console.log(`The controller used, without a rule in deploy/rbac.ts: ${right}`);
  for (const right of spare) console.log(`In a rule of deploy/rbac.ts, and never used: ${right}`);
  const isLeast = missing.length === 0 && spare.length === 0;
  console.log(`${isLeast ? 'ok    ' : 'FAILED'} the controller's rights are those that it uses`);
  return { passed: tally.passed + (isLeast ? 1 : 0), failed: isLeast ? 0 : 1 };
}

/** The cluster stays where it was up before; a given or running one is nobody's to remove. */
async function runE2e(): Promise<Tally> {
  const { cluster: before } = await clusterStatus();
  try {
    await prepareGround(console.log);
    return await runVitest('e2e');
  } finally {
    if (!before) await downCluster();
  }
}

async function runVitest(project: Level): Promise<Tally> {
  const outputFile = join(localDirectory, `vitest-${project}.json`);
  await rm(outputFile, { force: true });
  const code = await node([
    ...['node_modules/vitest/vitest.mjs', 'run', '--project', project],
    ...['--reporter=default', '--reporter=json', `--outputFile.json=${outputFile}`],
  ]);
  const result = JSON.parse(await readFile(outputFile, 'utf8')) as {
    numPassedTests: number;
    numFailedTests: number;
    numFailedTestSuites: number;
  };
  const failed = result.numFailedTests;
  // A file that cannot be loaded, or an error outside of any test, is a failure that counts no test.
  return { passed: result.numPassedTests, failed: code !== 0 && failed === 0 ? 1 : failed };
}

function node(args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, args, {
    cwd: repositoryDirectory,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

function headline(text: string): void {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  console.log(`\n=== ${text} (${seconds} s)`);
}
