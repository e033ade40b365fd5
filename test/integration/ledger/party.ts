import { Fault } from '../../../exporter/fault.ts';
import { Ledger } from '../../../exporter/ledger/ledger.ts';
import { FakeTime } from '../../../exporter/ledger/testkit.ts';
import { never, silentLog } from '../../../exporter/testkit.ts';
import { openPlace, type Place } from './homes.ts';

/**
 * A process beside the tests' own. Its second argument is what it does, the first one where:
 * - `count N`: adds 1 to the number in the head until it has done so N times itself.
 * - `hold`: takes the ledger's lease, says so, and stays.
 * - `try METHOD`: says `ok`, or the fault.
 */
const [placeText = '', what = '', argument = ''] = process.argv.slice(2);
const place = JSON.parse(placeText) as Place;
const home = await openPlace(place);

if (what === 'count') {
  for (let done = 0; done < Number(argument); ) {
    const head = await home.readHead();
    const next = Number.parseInt(head?.bytes.toString() ?? '0', 10) + 1;
    // A head names its writer: two that are alike are one.
    const bytes = Buffer.from(`${next} by ${process.pid}`);
    if ((await home.swapHead(bytes, head?.tag)) !== undefined) done++;
  }
}

if (what === 'hold') {
  const clock = new FakeTime().clock();
  const options = { clock, signal: never, log: silentLog, leaseMs: 100_000, holder: 'killed' };
  const ledger = await Ledger.open(home, place.export, options);
  await ledger.acquire();
  process.stdout.write('it has the lease\n');
  setInterval(() => undefined, 1_000);
}

if (what === 'try') {
  const tries: Record<string, () => Promise<unknown>> = {
    readHead: () => home.readHead(),
    swapHead: () => home.swapHead(Buffer.from('1'), undefined),
    writeSet: () => home.writeSet('a', Buffer.alloc(32)),
    probe: () => home.probe(),
  };
  try {
    await tries[argument]?.();
    process.stdout.write('ok\n');
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    process.stdout.write(`${error.reason} ${JSON.stringify(error.details ?? {})}\n`);
  }
}
