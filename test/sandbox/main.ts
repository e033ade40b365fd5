import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Advertiser, SandboxOptions } from './options.ts';
import { startSandbox } from './sandbox.ts';

const usage = `A sandbox of Criteo's Marketing Solutions API, with everything in memory.

npm run sandbox -- [options]
  --host ADDRESS                 where to listen (default 127.0.0.1)
  --port N                       default 0: any free port
  --client-id ID                 default sandbox-client
  --client-secret-file FILE      default: a new secret in a temporary file, which goes away at the end
  --advertiser ID=NAME           an advertiser the client may use; may be repeated (default 12345=Sandbox advertiser)
  --token-lifetime-seconds N     default 900
  --calls-per-minute N           default 250; 0 for no limit
  --tls-cert FILE --tls-key FILE serve https with these PEM files
  --help
`;

class UsageError extends Error {}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text))
    throw new UsageError(`--${name} must be a whole number, such as 250; got "${text}"`);
  return Number(text);
}

function advertiser(text: string): Advertiser {
  const [, id, name] = /^(\d+)=(.+)$/.exec(text) ?? [];
  if (id === undefined || name === undefined) {
    throw new UsageError(
      `--advertiser must be ID=NAME with a numeric id, such as 12345=Shoes; got "${text}"`,
    );
  }
  return { id, name };
}

function readText(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--${name}: ${error instanceof Error ? error.message : 'cannot be read'}`);
  }
}

function readArguments() {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      options: {
        host: text,
        port: text,
        'client-id': text,
        'client-secret-file': text,
        advertiser: { type: 'string', multiple: true },
        'token-lifetime-seconds': text,
        'calls-per-minute': text,
        'tls-cert': text,
        'tls-key': text,
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'wrong arguments');
  }
}

type Values = ReturnType<typeof readArguments>;

function tlsOptions(values: Values): SandboxOptions['tls'] {
  const { 'tls-cert': cert, 'tls-key': key } = values;
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) throw new UsageError('--tls-cert and --tls-key go together');
  return { cert: readText('tls-cert', cert), key: readText('tls-key', key) };
}

function sandboxOptions(values: Values, clientSecret: string): SandboxOptions {
  const port = wholeNumber('port', values.port);
  const tokenLifetimeSeconds = wholeNumber('token-lifetime-seconds', values['token-lifetime-seconds']);
  const callsPerMinute = wholeNumber('calls-per-minute', values['calls-per-minute']);
  const tls = tlsOptions(values);
  return {
    clients: [
      {
        clientId: values['client-id'] ?? 'sandbox-client',
        clientSecret,
        advertisers: (values.advertiser ?? ['12345=Sandbox advertiser']).map(advertiser),
      },
    ],
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(port === undefined ? {} : { port }),
    ...(tokenLifetimeSeconds === undefined ? {} : { tokenLifetimeSeconds }),
    ...(callsPerMinute === undefined ? {} : { callsPerMinute }),
    ...(tls === undefined ? {} : { tls }),
  };
}

function howTo(url: string, clientId: string, secretFile: string, caFile: string | undefined): string {
  const curl = caFile === undefined ? 'curl -s' : `curl -s --cacert ${caFile}`;
  return `Criteo's API, sandbox: ${url}
Everything is in memory and gone at the end. Stop with Ctrl-C.

Get a token (the secret is in ${secretFile}):
  token=$(tr -d '\\n' < ${secretFile} | ${curl} ${url}/oauth2/token -d grant_type=client_credentials \\
    -d client_id=${clientId} --data-urlencode client_secret@- | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')

Ask what the account may use:
  ${curl} ${url}/2026-07/advertisers/me -H "Authorization: Bearer $token"

Look inside, put in foreign members, order faults (test/sandbox/README.md has examples):
  ${curl} ${url}/sandbox
  ${curl} ${url}/sandbox/segments
`;
}

async function main(): Promise<void> {
  const values = readArguments();
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const given = values['client-secret-file'];
  const directory = given === undefined ? mkdtempSync(join(tmpdir(), 'criteo-sandbox-')) : undefined;
  const removeSecret = () => directory !== undefined && rmSync(directory, { recursive: true, force: true });
  try {
    const secretFile = directory === undefined ? (given ?? '') : join(directory, 'client-secret');
    if (directory !== undefined)
      writeFileSync(secretFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
    const secret = readText('client-secret-file', secretFile).replace(/\r?\n$/, '');
    if (secret === '') throw new UsageError('--client-secret-file: the file is empty');
    const options = sandboxOptions(values, secret);
    const sandbox = await startSandbox(options);
    const stopped = new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    });
    const clientId = options.clients?.[0]?.clientId ?? '';
    process.stdout.write(howTo(sandbox.url, clientId, secretFile, values['tls-cert']));
    await stopped;
    await sandbox.close();
  } finally {
    removeSecret();
  }
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : 'unknown error';
  process.stderr.write(
    error instanceof UsageError ? `${message}\n\n${usage}` : `The sandbox cannot start: ${message}\n`,
  );
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
