import { parseArgs } from 'node:util';
import { benchReaders } from './readers.ts';
import { benchSources } from './sources.ts';
import { benchUpload } from './upload.ts';

const usage = `npm run bench -- upload [options]
  Exports a million people to the sandbox: first, the same again, one in a hundred changed.
  Exits with 1 where an aim of bench/README.md is missed, or the sandbox has not what it should.
npm run bench -- sources [options]
  Reads the same people from each kind of source and format, beside the hashing of their addresses.
npm run bench -- readers [options]
  What CSV readers take for the same list.

  --repetitions N   default 5; the medians count
  --rows N          default 1000000, for which the aims are; of sources up to 10000000, of a million people
  --only A,B        of sources: some of csv, csv-gzip, ndjson, parquet, s3, azureBlob, postgresql, customerInsights
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repetitions: { type: 'string', default: '5' },
    rows: { type: 'string', default: '1000000' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean' },
  },
});
const options = { rows: Number(values.rows), repetitions: Number(values.repetitions) };
const areUsable = Object.values(options).every((value) => Number.isSafeInteger(value) && value >= 1);
const [what] = positionals;
if (values.help) {
  process.stdout.write(usage);
} else if (what === 'upload' && areUsable && options.rows <= 1_000_000) {
  process.exitCode = (await benchUpload(options)) ? 0 : 1;
} else if (what === 'sources' && areUsable) {
  const only = values.only.split(',').filter((name) => name !== '');
  process.exitCode = (await benchSources({ ...options, only })) ? 0 : 1;
} else if (what === 'readers' && areUsable) {
  await benchReaders(options);
} else {
  process.stderr.write(usage);
  process.exitCode = 2;
}
