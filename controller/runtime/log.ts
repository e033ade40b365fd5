export type Level = 'debug' | 'info' | 'warn' | 'error';
export type Fields = Record<string, unknown>;

export interface Logger {
  debug(msg: string, fields?: Fields): void;
  info(msg: string, fields?: Fields): void;
  warn(msg: string, fields?: Fields): void;
  error(msg: string, fields?: Fields): void;
  /** A logger that adds `fields` to each line. */
  with(fields: Fields): Logger;
}

export interface LoggerOptions {
  /** Lines below it are dropped; `info` unless told. */
  level?: Level;
  fields?: Fields;
  /** Takes one line with its newline; standard error unless told. */
  write?: (line: string) => void;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

const ORDER: Record<Level, number> = { debug: 0, info: 1, warn: 2, error: 3 };
const MAX_STRING = 2_000;
const MAX_VALUE = 4_000;

/** Logs one JSON object a line: `{"ts","level","msg",...fields}`. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = 'info', fields = {}, now = Date.now } = options;
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const log = (at: Level) => (msg: string, more?: Fields) => {
    if (ORDER[at] < ORDER[level]) return;
    const line = {
      ts: new Date(now()).toISOString(),
      level: at,
      msg: bounded(msg),
      ...boundedAll({ ...fields, ...more }),
    };
    write(`${JSON.stringify(line)}\n`);
  };
  return {
    debug: log('debug'),
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    with: (more) => createLogger({ ...options, fields: { ...fields, ...more } }),
  };
}

/** For where nobody listens, as in most unit tests. */
export const silentLogger: Logger = createLogger({ write: () => {} });

function boundedAll(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, bounded(value)]));
}

// One object that somebody logs whole must not become a line that the log collector cuts or drops.
function bounded(value: unknown): unknown {
  if (typeof value === 'string') return cut(value, MAX_STRING);
  if (value instanceof Error) return cut(value.message, MAX_STRING);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  try {
    const text = JSON.stringify(value);
    return text.length <= MAX_VALUE ? value : cut(text, MAX_VALUE);
  } catch {
    return '[not serialisable]';
  }
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max)}... (${text.length} characters)`;
}
