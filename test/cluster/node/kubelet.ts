import { readFileSync } from 'node:fs';
import { isAlive, readRecord } from '../process-identity.ts';
import { recordFile } from './state.ts';

/**
 * Stops the node's kubelet where it stands, so that the node answers no more; its containers go on.
 * @returns what lets it go on.
 * @throws Error where no node of ours is up.
 */
export function pauseKubelet(): () => void {
  const pid = kubeletPid();
  process.kill(pid, 'SIGSTOP');
  return () => {
    process.kill(pid, 'SIGCONT');
  };
}

/** The record is of the program that entered the node; the kubelet is its child, in the node's processes. */
function kubeletPid(): number {
  const entered = readRecord(recordFile('kubelet'));
  if (!entered || !isAlive(entered))
    throw new Error('no kubelet of ours runs; start it with npm run cluster -- up');
  const { pid } = entered;
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  if (!child) throw new Error(`the program ${pid} that entered the node has not started the kubelet`);
  return Number(child);
}
