import { parseFlags, usage } from './flags.ts';
import { runManager, runRelease } from './manager.ts';
import { errorMessage } from './runtime/errors.ts';
import { createLogger } from './runtime/log.ts';

/** Exit codes: 0 ended on a signal, 1 a fault (to be restarted), 2 wrong flags. */
async function main(): Promise<number> {
  let flags: ReturnType<typeof parseFlags>;
  try {
    flags = parseFlags(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  if (flags === 'help') {
    console.log(usage);
    return 0;
  }
  const logger = createLogger({ level: flags.logLevel });
  if (!flags.releaseFinalizers && !flags.settings.image.includes('@sha256:')) {
    logger.warn('--exporter-image names a tag; with a digest every Job tells exactly what it ran', {
      image: flags.settings.image,
    });
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      logger.info('stopping', { signal });
      stop.abort();
    });
  }
  try {
    if (flags.releaseFinalizers) await runRelease(flags, logger, console.log, stop.signal);
    else await runManager(flags, logger, stop.signal);
    return 0;
  } catch (error) {
    logger.error('the controller cannot go on', { error: errorMessage(error) });
    return 1;
  }
}

process.exitCode = await main();
