import { waitFor } from '../../cluster/wait.ts';
import type { SandboxOptions } from '../../sandbox/sandbox.ts';
import {
  conditionOf,
  connectionName,
  csvOf,
  exportName,
  hasReason,
  isCurrent,
  type Shop,
  withLedger,
} from '../controller/shop.ts';

/** How a state is reached: its name is the first cell of its row in docs/states.md. */
export interface Story {
  /** How its Criteo behaves. */
  sandbox?: SandboxOptions;
  /** What was there before; default: an export without a schedule that waits for its first run. */
  before?: (shop: Shop) => Promise<unknown>;
  /** What the user does, or what fails. Resolves when status tells it. */
  reach: (shop: Shop) => Promise<unknown>;
  /** When there is no controller: `before` is left out where there is none yet. */
  without?: 'ControllerYet' | 'ControllerAnyMore';
  /** All that was ever told is part of the row: it began before the controller did. */
  fromTheBeginning?: true;
  /** It waits for a minute or more, and needs nothing meanwhile. */
  waits?: true;
}

export const all = ['anna@example.com', 'berit@example.com', 'chris@example.com', 'dora@example.com'];
export const few = ['anna@example.com'];

/** Everything but the export is there, and the connection is Ready. */
export async function readyConnection(shop: Shop, spec: object = {}): Promise<void> {
  await shop.prepare();
  await shop.apply(shop.connection(spec));
  await shop.untilConnection('CredentialsAccepted', hasReason('Ready', 'CredentialsAccepted'));
}

/** An export that waits for its first run. Events are written in the background: the last of them is waited for. */
export async function awaitingRun(
  shop: Shop,
  changes: { connection?: object; export?: object; files?: Record<string, string> } = {},
): Promise<void> {
  await shop.settle(changes);
  await shop.untilEvent('AwaitingRun', exportName);
}

/** One run has ended. */
export async function ranOnce(shop: Shop, changes: Parameters<typeof awaitingRun>[1] = {}): Promise<void> {
  await awaitingRun(shop, changes);
  const { status } = await shop.runOnce();
  const { outcome, reason = '' } = status?.lastRun ?? {};
  await shop.untilEvent(outcome === 'Succeeded' ? 'RunSucceeded' : reason, exportName);
}

/** The removal guard has stopped a run. */
export async function guarded(shop: Shop): Promise<void> {
  await ranOnce(shop, { connection: withLedger, files: { 'people.csv': csvOf(all) } });
  await shop.putFiles({ 'people.csv': csvOf(few) });
  await shop.runOnce();
}

/**
 * A run has begun that Criteo keeps waiting.
 * @param times how often: an exporter that has waited long enough asks again.
 */
export async function runAtWork(shop: Shop, times: 1 | 'always' = 'always'): Promise<void> {
  const path = '/(create|contact-list)$';
  const calls = () => shop.sandbox.requests().filter((request) => new RegExp(path).test(request.path)).length;
  shop.sandbox.addFault({ kind: 'delay', milliseconds: 150_000, path, times });
  const before = calls();
  await shop.request();
  await waitFor('the run is at Criteo', 60_000, () => (calls() > before ? true : undefined));
  await shop.untilExport('a run at work', ({ status }) => status?.activeRun !== undefined);
}

/** Waits until Ready has this reason. */
export const until =
  (reason: string, timeoutMs?: number) =>
  (shop: Shop): Promise<unknown> =>
    shop.untilExport(reason, hasReason('Ready', reason), exportName, timeoutMs);

/** Applies the export with this and waits for the reason. */
export const applied =
  (spec: object, reason: string) =>
  async (shop: Shop): Promise<void> => {
    await shop.apply(shop.segmentExport(spec));
    await until(reason)(shop);
  };

export async function patchConnection(shop: Shop, spec: object): Promise<void> {
  await shop.patch('CriteoConnection', connectionName, { spec });
}

/** Waits until so many runs have ended, and Ready knows. */
export async function ended(shop: Shop, count = 1, timeoutMs = 60_000): Promise<void> {
  await shop.untilExport(
    `${count} ended runs`,
    (object) =>
      (object.status?.history?.length ?? 0) >= count &&
      object.status?.activeRun === undefined &&
      isCurrent(object) &&
      conditionOf(object, 'Ready') !== undefined,
    exportName,
    timeoutMs,
  );
}
