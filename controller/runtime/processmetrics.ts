import { readdirSync, readFileSync } from 'node:fs';
import type { Gauge, Registry } from './metrics.ts';

/**
 * The `process_*` metrics that every Prometheus client has, and Node's memory. What only Linux's /proc tells is absent
 * elsewhere.
 * @param proc the process's directory in /proc.
 */
export function registerProcessMetrics(registry: Registry, proc = '/proc/self'): void {
  const cpu = registry.counter(
    'process_cpu_seconds_total',
    'Total user and system CPU time spent in seconds.',
  );
  const gauge = (name: string, help: string, read: () => number | undefined) => ({
    gauge: registry.gauge(name, help),
    read,
  });
  // Once: each other reading of the two clocks would differ a little, and look like a restart.
  const startedAt = Date.now() / 1000 - process.uptime();
  const gauges = [
    gauge(
      'process_start_time_seconds',
      'Start time of the process since unix epoch in seconds.',
      () => startedAt,
    ),
    gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', () => process.memoryUsage.rss()),
    gauge('process_virtual_memory_bytes', 'Virtual memory size in bytes.', () => virtualBytes(proc)),
    gauge('process_open_fds', 'Number of open file descriptors.', () => openFiles(proc)),
    gauge('process_max_fds', 'Maximum number of open file descriptors.', () => maxFiles(proc)),
    gauge(
      'nodejs_heap_size_total_bytes',
      'Process heap size from Node.js in bytes.',
      () => process.memoryUsage().heapTotal,
    ),
    gauge(
      'nodejs_heap_size_used_bytes',
      'Process heap size used from Node.js in bytes.',
      () => process.memoryUsage().heapUsed,
    ),
  ];
  let counted = 0;
  registry.onScrape(() => {
    const { user, system } = process.cpuUsage();
    const seconds = (user + system) / 1e6;
    cpu.inc({}, seconds - counted);
    counted = seconds;
    for (const { gauge, read } of gauges) show(gauge, read());
  });
}

function show(gauge: Gauge, value: number | undefined): void {
  gauge.replace(value === undefined ? [] : [{ labels: {}, value }]);
}

function virtualBytes(proc: string): number | undefined {
  const kilobytes = /^VmSize:\s+(\d+) kB$/m.exec(textOf(`${proc}/status`))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

function openFiles(proc: string): number | undefined {
  try {
    return readdirSync(`${proc}/fd`).length;
  } catch {
    return undefined;
  }
}

/** The soft limit; absent where there is none. */
function maxFiles(proc: string): number | undefined {
  const limit = /^Max open files\s+(\d+) /m.exec(textOf(`${proc}/limits`))?.[1];
  return limit === undefined ? undefined : Number(limit);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
