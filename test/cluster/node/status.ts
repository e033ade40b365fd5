import { isAlive, readRecord } from '../process-identity.ts';
import { type NodeProgram, type NodeState, nodePrograms, readNodeState, recordFile } from './state.ts';

/** Undefined: there is no node. Otherwise which programs run and which have ended. */
export interface NodeStatus {
  readonly state: NodeState;
  readonly running: readonly NodeProgram[];
  readonly ended: readonly NodeProgram[];
}

export async function nodeStatus(): Promise<NodeStatus | undefined> {
  const state = await readNodeState();
  if (!state) return undefined;
  const runs = (name: NodeProgram) => {
    const identity = readRecord(recordFile(name));
    return identity !== undefined && isAlive(identity);
  };
  return { state, running: nodePrograms.filter(runs), ended: nodePrograms.filter((name) => !runs(name)) };
}
