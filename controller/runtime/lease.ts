import { microTime } from './microtime.ts';
import { defineResource, type KubeObject } from './resource.ts';

export interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

export interface Lease extends KubeObject {
  spec?: LeaseSpec;
}

export const LEASES = defineResource<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
});

/** What a holder writes when it takes or renews a Lease that was `old`. Times in milliseconds. */
export function heldBy(
  identity: string,
  old: LeaseSpec | undefined,
  durationMs: number,
  nowMs: number,
): LeaseSpec {
  const now = microTime(nowMs);
  const renews = old?.holderIdentity === identity;
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    acquireTime: renews && old.acquireTime ? old.acquireTime : now,
    renewTime: now,
    leaseTransitions: (old?.leaseTransitions ?? 0) + (renews || !old ? 0 : 1),
  };
}

/** What a holder writes when it leaves: anybody may take it now. */
export function released(old: LeaseSpec | undefined, nowMs: number): LeaseSpec {
  const now = microTime(nowMs);
  // A second, because the API server refuses zero.
  return { ...old, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
}
