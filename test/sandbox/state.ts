import { PendingEffects } from './effects.ts';
import { Faults } from './faults.ts';
import { Journal } from './journal.ts';
import {
  type Behaviour,
  behaviourSchema,
  type Client,
  defaultBehaviour,
  defaultClient,
  type SandboxOptions,
} from './options.ts';
import { RateLimiter } from './ratelimit.ts';
import { SegmentStore } from './store.ts';
import { Tokens } from './token.ts';

/** All that one sandbox knows. A reset makes a new one. */
export type State = {
  behaviour: Behaviour;
  clients: Map<string, Client>;
  tokens: Tokens;
  limiter: RateLimiter;
  segments: SegmentStore;
  faults: Faults;
  effects: PendingEffects;
  journal: Journal;
  now: () => number;
};

export function createState(options: SandboxOptions): State {
  const given = Object.entries(options).filter(([name]) => Object.hasOwn(behaviourSchema.properties, name));
  return {
    behaviour: structuredClone({ ...defaultBehaviour, ...Object.fromEntries(given) }),
    clients: new Map(
      (options.clients ?? [defaultClient]).map((client) => [client.clientId, structuredClone(client)]),
    ),
    tokens: new Tokens(),
    limiter: new RateLimiter(),
    segments: new SegmentStore(),
    faults: new Faults(),
    effects: new PendingEffects(),
    journal: new Journal(),
    now: options.now ?? Date.now,
  };
}
