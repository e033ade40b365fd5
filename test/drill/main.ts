import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { drill } from './drill.ts';

const usage = `The fault drill: the exporter is killed at random moments, over and over, against a sandbox of Criteo that
misbehaves. After each sequence comes quiet, and then Criteo must have exactly what the sources say.

npm run drill -- [options]
  --rounds N     runs that may be killed and meet faults (default 200)
  --seed S       a whole number that repeats the story, the faults and the choice of moments (default: a new one, printed);
                 at which instruction a process dies cannot be repeated, so neither can all that follows
  --minutes M    ends after so long, with fewer rounds (default 15)
  --lanes L      exports that are drilled side by side (default 3)
  --ledger HOME  volume (default), or s3: versitygw, which is compiled the first time
  --help
`;

function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  return refuse(`--${name} must be a whole number of at least 1; got "${text}"`);
}

function refuse(message: string): never {
  process.stderr.write(`${message}\n\n${usage}`);
  process.exit(2);
}

function readArguments() {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  try {
    const { values } = parseArgs({
      options: {
        rounds: text('200'),
        seed: text(String(1 + Math.floor(Math.random() * 1_000_000))),
        minutes: text('15'),
        lanes: text('3'),
        ledger: text('volume'),
        help: { type: 'boolean' },
      },
    });
    return values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : 'wrong arguments');
  }
}

const values = readArguments();
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const { ledger } = values;
if (ledger !== 'volume' && ledger !== 's3') refuse(`--ledger must be volume or s3; got "${ledger}"`);
const seed = wholeNumber('seed', values.seed);
const directory = await mkdtemp(join(tmpdir(), 'segmentexport-drill-'));
console.log(`seed ${seed}; ledgers and logs are in ${directory}`);
const result = await drill({
  seed,
  rounds: wholeNumber('rounds', values.rounds),
  minutes: wholeNumber('minutes', values.minutes),
  lanes: wholeNumber('lanes', values.lanes),
  ledger,
  directory,
  progress: process.stdout,
});
const { rounds, killed, faults, quiet, stuck } = result.tally;
if (stuck > 0) console.log(`${stuck} runs had written their report and did not end (nodejs/node#54918)`);
const counts = `${rounds} rounds, ${killed} killed, ${faults} faults played, ${quiet} quiet points`;
if (result.failures.length === 0) {
  await rm(directory, { recursive: true, force: true });
  console.log(`${counts}: all equal`);
} else {
  for (const failure of result.failures) console.log(failure);
  console.log(`seed ${seed}; ledgers and logs of the rounds are kept in ${directory}`);
  console.log(`${counts}: ${result.failures.length} of ${values.lanes} exports failed`);
  process.exitCode = 1;
}
