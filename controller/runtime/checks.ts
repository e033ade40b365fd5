import type { HealthCheck } from './health.ts';
import type { Informer } from './informer.ts';
import type { KubeObject } from './resource.ts';

// A watch that stalls is noticed after 75 s and begun anew within 30 s.
const MAX_IDLE_MS = 180_000;

/**
 * Fails when a watch loop is stuck. An API server that is away is no failure: a restart would not bring it back, and the
 * kubelet's growing pauses between restarts would keep the controller away for longer than the server was.
 */
export function informerLive<T extends KubeObject>(
  name: string,
  informer: Pick<Informer<T>, 'idleForMs' | 'lastError'>,
  maxIdleMs: number = MAX_IDLE_MS,
): HealthCheck {
  return {
    name,
    check() {
      const idleMs = informer.idleForMs();
      if (idleMs <= maxIdleMs) return undefined;
      return `nothing was heard for ${Math.round(idleMs / 1000)} s, and nothing tried${because(informer)}`;
    },
  };
}

/** Fails until the first list is in the cache. */
export function informerSynced<T extends KubeObject>(
  name: string,
  informer: Pick<Informer<T>, 'hasSynced' | 'lastError'>,
): HealthCheck {
  return { name, check: () => (informer.hasSynced() ? undefined : `not synced${because(informer)}`) };
}

function because<T extends KubeObject>(informer: Pick<Informer<T>, 'lastError'>): string {
  const error = informer.lastError();
  return error ? `: ${error.message}` : '';
}
