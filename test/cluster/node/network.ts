/** The addresses of a node and its pods, all within one range that nothing else on this machine uses. */
export interface NodeNetwork {
  /** This machine's end of its link to the node: pods reach a server that listens here. */
  readonly hostAddress: string;
  /** The node's end; the API server listens here. */
  readonly nodeAddress: string;
  /** CIDRs. */
  readonly linkRange: string;
  readonly serviceRange: string;
  readonly podRange: string;
  readonly serviceAddress: string;
  readonly podGateway: string;
}

// Private ranges that neither home routers nor Docker, kind or the clouds give out by default.
const candidates = ['10.213', '10.149', '10.87', '10.231', '172.29', '172.27'];

/**
 * Takes the first range that overlaps none of `used` (IPv4 CIDRs or addresses, as in routing tables).
 * Throws an Error that names them when none is left.
 */
export function chooseNetwork(used: readonly string[]): NodeNetwork {
  const taken = used.map(parseRange).filter((range) => range !== undefined);
  const prefix = candidates.find((candidate) => {
    const wanted = parseRange(`${candidate}.0.0/16`);
    return wanted && !taken.some((range) => range.first <= wanted.last && wanted.first <= range.last);
  });
  if (!prefix) {
    throw new Error(
      `The cluster needs one of ${candidates.map((c) => `${c}.0.0/16`).join(', ')}; each is in use here`,
    );
  }
  return {
    hostAddress: `${prefix}.0.1`,
    nodeAddress: `${prefix}.0.2`,
    linkRange: `${prefix}.0.0/30`,
    serviceRange: `${prefix}.16.0/20`,
    serviceAddress: `${prefix}.16.1`,
    podRange: `${prefix}.32.0/20`,
    podGateway: `${prefix}.32.1`,
  };
}

/** The destinations in the output of `ip -json route show table all`, without the default route. */
export function usedRanges(routesJson: string): string[] {
  const routes = JSON.parse(routesJson || '[]') as { dst?: string }[];
  return routes.flatMap(({ dst }) => (dst && dst !== 'default' ? [dst] : []));
}

function parseRange(cidr: string): { first: number; last: number } | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?$/.exec(cidr);
  if (!match) return undefined;
  const [a, b, c, d, bits = 32] = match
    .slice(1)
    .map((part) => (part === undefined ? undefined : Number(part)));
  const address = (((a ?? 0) * 256 + (b ?? 0)) * 256 + (c ?? 0)) * 256 + (d ?? 0);
  const size = 2 ** (32 - bits);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1 };
}
