import { expect, test } from 'vitest';
import { isAlive, parseRecord, parseStat, recordOf } from './process-identity.ts';

const line = (name: string, state = 'S') =>
  `42 (${name}) ${state} 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 200`;

test('finds the start also behind a name with spaces and brackets', () => {
  for (const name of ['sh', 'tmux: server', 'odd) R 1 (name']) {
    expect(parseStat(line(name))).toEqual({ pid: 42, state: 'S', startTicks: '987654' });
  }
});

test('takes no half-written record for a process', () => {
  for (const record of ['', 'boot', 'boot\n', `boot\n${line('sh').slice(0, 30)}`, `\n${line('sh')}`]) {
    expect(parseRecord(record), JSON.stringify(record)).toBeUndefined();
  }
});

test.runIf(process.platform === 'linux')(
  'knows this very process, and neither an earlier one of its number nor one of another boot',
  () => {
    const identity = parseRecord(recordOf(process.pid) ?? '');
    if (!identity) throw new Error('this process has no record');
    expect(isAlive(identity)).toBe(true);
    expect(isAlive({ ...identity, startTicks: '1' })).toBe(false);
    expect(isAlive({ ...identity, bootId: 'another' })).toBe(false);
  },
);
