// Loaded into a program that is measured, before its own modules: writes, as it ends, what it
// used. Plain JavaScript, because stripping types would be measured too.
import { readFileSync, writeFileSync } from 'node:fs';

process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  // The most memory since the program began. getrusage's figure may be that of whoever started it.
  const highWater = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  const [, waitedNs] = readFileSync('/proc/self/schedstat', 'utf8').split(' ');
  const used = {
    cpuMs: (user + system) / 1000,
    rssMiB: Number(highWater) / 1024,
    waitedMs: Number(waitedNs) / 1e6,
  };
  writeFileSync(process.env.BENCH_METER, JSON.stringify(used));
});
