import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Registry } from './metrics.ts';
import { registerProcessMetrics } from './processmetrics.ts';

let proc: string;
beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'proc-'));
});
afterEach(() => rmSync(proc, { recursive: true }));

/** What is exposed now, by name. */
function read(registry: Registry): Map<string, number> {
  const lines = registry.expose().split('\n');
  const series = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    series.map((line) => {
      const [name = '', value] = line.split(' ');
      return [name, Number(value)];
    }),
  );
}

test('the process shows its processor time, memory and start', () => {
  const registry = new Registry();
  registerProcessMetrics(registry, proc);
  const first = read(registry);
  expect(first.get('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(first.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
  expect(first.get('nodejs_heap_size_used_bytes')).toBeGreaterThan(1e6);
  const started = first.get('process_start_time_seconds') ?? 0;
  expect(started).toBeLessThan(Date.now() / 1000);
  expect(started).toBeGreaterThan(Date.now() / 1000 - 86_400);
  const second = read(registry);
  expect(second.get('process_start_time_seconds')).toBe(started);
  const cpu = process.cpuUsage();
  expect(second.get('process_cpu_seconds_total')).toBeLessThanOrEqual((cpu.user + cpu.system) / 1e6);
});

test('what Linux tells of files and virtual memory is shown as it tells it', async () => {
  await writeFile(join(proc, 'status'), 'Name:\tnode\nVmPeak:\t 9 kB\nVmSize:\t  1024 kB\nVmLck:\t 0 kB\n');
  await writeFile(
    join(proc, 'limits'),
    'Limit                     Soft Limit           Hard Limit           Units     \nMax processes             7                    8                    processes \nMax open files            1024                 4096                 files     \n',
  );
  for (const fd of ['0', '1', '2']) await mkdir(join(proc, 'fd', fd), { recursive: true });
  const registry = new Registry();
  registerProcessMetrics(registry, proc);
  const shown = read(registry);
  expect(shown.get('process_virtual_memory_bytes')).toBe(1024 * 1024);
  expect(shown.get('process_max_fds')).toBe(1024);
  expect(shown.get('process_open_fds')).toBe(3);
});

test('where there is no such file system, those are absent and the others there', () => {
  const registry = new Registry();
  registerProcessMetrics(registry, join(proc, 'none'));
  const shown = read(registry);
  for (const name of ['process_virtual_memory_bytes', 'process_open_fds', 'process_max_fds']) {
    expect(shown.has(name)).toBe(false);
  }
  expect(shown.has('process_cpu_seconds_total')).toBe(true);
});
