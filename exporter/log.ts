/** Counts and codes only: never an address, a digest, a secret, a header's name or a cell's value. */
export type LogFields = Readonly<Record<string, number | string | boolean | undefined>>;

export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** JSON lines `{ts, level, msg, run, ...fields}`. */
export function createLog(write: (line: string) => void, run: string, now: () => number): Log {
  const line =
    (level: string) =>
    (msg: string, fields: LogFields = {}): void => {
      write(`${JSON.stringify({ ts: new Date(now()).toISOString(), level, msg, run, ...fields })}\n`);
    };
  return { info: line('info'), warn: line('warn'), error: line('error') };
}

/**
 * Where an unexpected error came from, without its text, which may hold what was
 * being read: its class and the places in our own files.
 */
export function placeOf(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: typeof error };
  const frames = (error.stack ?? '')
    .replace(error.message, '')
    .matchAll(/\/([\w.-]+\.(?:ts|js|mjs|cjs)):(\d+):\d+\)?$/gm);
  const at = [...frames].slice(0, 5).map((frame) => `${frame[1]}:${frame[2]}`);
  return { error: error.constructor.name, at: at.join(' < ') };
}
