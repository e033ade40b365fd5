/** A server with the example's list in it, and what an export of it needs. */
export interface Served {
  /** Fields of the export's spec as a person writes them, in place of the example's. */
  spec: Record<string, unknown>;
  /** Keys and values, by the Secret's name. */
  secrets: Record<string, Record<string, string>>;
  /** What the controller is told to allow: Microsoft's and Amazon's own need no word. */
  allowedSourceEndpoint?: string;
  allowedAuthorityHost?: string;
  /** What is there, in a sentence. */
  says: string;
}

/** Served, as long as this process runs. */
export interface Serving extends Served {
  stop(): Promise<void>;
}

/** The example's segments under names that tables can have. */
export const tableSegments = [
  { name: 'high_value', criteoName: 'high-value' },
  { name: 'lapsed', criteoName: 'Lapsed 2026' },
];

export function tableOf(segment: string): string {
  return segment.replace('-', '_');
}

/** The endpoints of servers that are not a cloud's own, or speak plain HTTP, are allowed by whoever installs. */
export function allowances(served: Served | undefined): string[] {
  const { allowedSourceEndpoint: endpoint, allowedAuthorityHost: authority } = served ?? {};
  return [
    ...(endpoint === undefined ? [] : [`--allowed-source-endpoint=${endpoint}`]),
    ...(authority === undefined ? [] : [`--allowed-authority-host=${authority}`]),
  ];
}
