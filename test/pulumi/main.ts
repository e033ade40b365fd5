import { accessSync, constants } from 'node:fs';
import { missingTools } from '../support/pulumi/tools.ts';

const usage = `Usage: npm run test:pulumi

Pulumi itself on the local cluster, with the program pulumi/stacks/local and a state in a temporary directory:
a cluster that does not answer, preview, up, a run of the export, a second up, refresh, a changed schedule, a new
secret, destroy. The CLI and the plugin are taken from PATH as they are; without them it exits with 2. No part of
npm test.`;

if (process.argv.includes('--help')) {
  console.log(usage);
} else {
  const missing = missingTools(process.env.PATH ?? '', isExecutable);
  if (missing.length > 0) {
    console.error(`npm run test:pulumi needs Pulumi, and does not download it. Missing:
${missing.map((line) => `  ${line}\n`).join('')}Both are looked for on PATH: https://www.pulumi.com/docs/iac/download-install/, and
pulumi plugin install resource kubernetes, whose program lies in ~/.pulumi/plugins/.`);
    process.exitCode = 2;
  } else {
    // Loaded only here: the cluster's code is of no use without the tools.
    const { runSteps } = await import('./steps.ts');
    process.exitCode = await runSteps();
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
