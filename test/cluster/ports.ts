import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

// Below the range from which systems take ports for outgoing connections, so
// that a port cannot be lost between the look at it and its use.
const first = 20_000;
const last = 29_998;

/**
 * Finds two neighbouring free loopback ports and makes `<parent>/<first port>` with a file `owner` in it.
 * The rename is the claim: of two processes that look at the same time only one succeeds, and no
 * claimed directory is ever without its owner.
 */
export async function claimPorts(
  parent: string,
  owner: string,
): Promise<{ port: number; directory: string }> {
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const claim = await mkdtemp(join(parent, 'claim-'));
  await writeFile(join(claim, 'owner'), owner);
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = first + 2 * Math.floor((Math.random() * (last - first)) / 2);
    const directory = join(parent, String(port));
    if (!(await isFree(port)) || !(await isFree(port + 1))) continue;
    try {
      await rename(claim, directory);
      return { port, directory };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST' && code !== 'ENOTEMPTY') throw error;
    }
  }
  await rm(claim, { recursive: true, force: true });
  throw new Error(`No two free loopback ports between ${first} and ${last + 1} in 100 attempts`);
}

/** A port of this address that nobody listens on at this moment; somebody else may take it before its use. */
export async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Whether a server could listen on a loopback port now. */
export async function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  return promise;
}
