import fc from 'fast-check';

// A change is not refused for a story that another seed would not have told. Whoever asks for more stories
// than usual looks for those, and gets new ones each time; FAST_CHECK_SEED tells the same ones again.
const { FAST_CHECK_SEED, SIMULATION_RUNS, HOSTILE_RUNS } = process.env;
if (FAST_CHECK_SEED !== undefined) {
  if (!/^-?\d+$/.test(FAST_CHECK_SEED)) {
    throw new Error(`FAST_CHECK_SEED: it is ${JSON.stringify(FAST_CHECK_SEED)}; give a whole number.`);
  }
  fc.configureGlobal({ seed: Number(FAST_CHECK_SEED) });
} else if (SIMULATION_RUNS === undefined && HOSTILE_RUNS === undefined) {
  fc.configureGlobal({ seed: 2026 });
}
