import { Ajv, type ValidateFunction } from 'ajv';
import { emptySet, type Head } from './head.ts';

// Bounds that no head of ours reaches: what passes them is no head, and must not fill the memory.
export const maxHeadBytes = 32 * 1024 * 1024;
const maxEntries = 2_000;
const maxPerEntry = 64;

/** Names of sets become names of files and objects: no dots, no slashes. */
export const setNamePattern = '^[0-9a-z-]{1,64}$';
/** A lease longer than this would be waited for by whoever comes after a killed pod. */
export const maxLeaseMs = 3_600_000;

const milliseconds = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const name = { type: 'string', minLength: 1, maxLength: 200 } as const;
const criteoId = { type: 'string', pattern: '^[0-9]{1,19}$' } as const;
const random = { type: 'string', pattern: '^[0-9A-Za-z-]{1,64}$' } as const;
const kubernetesName = { type: 'string', pattern: '^[0-9a-z]([-.0-9a-z]{0,251}[0-9a-z])?$' } as const;

function closed<P extends Record<string, unknown>>(properties: P, ...optional: (keyof P & string)[]) {
  const required = Object.keys(properties).filter((key) => !optional.includes(key));
  return { type: 'object', required, additionalProperties: false, properties } as const;
}

const setRef = {
  anyOf: [
    closed({ name: { const: '' }, count: { const: 0 }, sha256: { const: emptySet.sha256 } }),
    closed({
      name: { type: 'string', pattern: setNamePattern },
      count: { type: 'integer', minimum: 1, maximum: 2 ** 31 },
      sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    }),
  ],
};

const list = (items: object, maxItems: number) => ({ type: 'array', maxItems, items });

const entry = closed(
  {
    id: random,
    advertiserId: criteoId,
    name,
    criteoName: name,
    criteoSegmentId: criteoId,
    origin: { enum: ['Created', 'Kept', 'TakenOver'] },
    phase: { enum: ['Creating', 'Emptying', 'Filled', 'Deleting'] },
    held: setRef,
    intent: closed({ adds: setRef, removes: setRef }),
    recent: list(closed({ at: milliseconds, adds: setRef, removes: setRef }), maxPerEntry),
    echoes: list(closed({ due: milliseconds, digests: setRef }), maxPerEntry),
    emptiedAt: milliseconds,
    resyncedAt: milliseconds,
    retired: { enum: ['Retain', 'Empty', 'Delete'] },
  },
  'criteoSegmentId',
  'intent',
  'emptiedAt',
  'retired',
);

const head = closed(
  {
    export: closed({
      namespace: kubernetesName,
      name: kubernetesName,
      uid: { type: 'string', pattern: '^[0-9A-Za-z-]{1,64}$' },
    }),
    revision: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    lease: closed({
      holder: random,
      until: milliseconds,
      duration: { type: 'integer', minimum: 1, maximum: maxLeaseMs },
    }),
    entries: list(entry, maxEntries),
  },
  'lease',
);

let validate: ValidateFunction<Head> | undefined;

/** Undefined where a value is the body of a head of version 1; else where it is not. */
export function faultOfHeadV1(value: unknown): string | undefined {
  // On first use: a run without a ledger does not pay for it.
  validate ??= new Ajv({ allErrors: false, strictTypes: false }).compile<Head>(head);
  return validate(value) ? undefined : `head${validate.errors?.[0]?.instancePath ?? ''}`;
}
