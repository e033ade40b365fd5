export interface ServerVersion {
  major: number;
  minor: number;
  /** As the server says it: `v1.34.1+k3s1`. */
  gitVersion: string;
}

/**
 * Reads the reply of GET /version. Managed clusters answer a minor like `31+`.
 * @throws Error when major or minor does not start with a number.
 */
export function parseVersion(reply: { major?: string; minor?: string; gitVersion?: string }): ServerVersion {
  const major = Number.parseInt(reply.major ?? '', 10);
  const minor = Number.parseInt(reply.minor ?? '', 10);
  if (Number.isNaN(major) || Number.isNaN(minor)) {
    throw new Error(
      `the server's version is not understood: major ${JSON.stringify(reply.major)}, minor ${JSON.stringify(reply.minor)}`,
    );
  }
  return { major, minor, gitVersion: reply.gitVersion ?? `v${major}.${minor}` };
}

export function atLeast(version: ServerVersion, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}
