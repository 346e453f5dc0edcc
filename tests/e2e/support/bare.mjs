// Runs in Node's threads: batches of every size beside the same rows alone, for models whose trees have no split.

/** Around every size at which rows begin to be scored in another way. */
const COUNTS = [1, 2, 63, 64, 65, 127, 128, 129, 1023, 1024, 1025];

/**
 * `ordinary` is a model that leaves something in the module's memory before each batch.
 * @returns {string[]} where a batch differs, which is nowhere
 */
export function differences(ordinary, bare) {
  const found = [];
  for (const count of COUNTS) {
    ordinary.scoreBatch(rows(ordinary, count), count);
    const width = bare.featureNames.length;
    const batch = rows(bare, count);
    const scored = bare.scoreBatch(batch, count);
    const classes = scored.length / count;
    for (let row = 0; row < count; row += 1) {
      const alone = bare.scoreFeatures(batch.slice(row * width, (row + 1) * width));
      const same = alone.every((value, at) => Object.is(value, scored[row * classes + at]));
      const sum = alone.reduce((total, value) => total + value, 0);
      if (!same || Math.abs(sum - 1) > 1e-5) found.push(`row ${row} of ${count}: ${alone}`);
    }
  }
  return found;
}

function rows(recommender, count) {
  const value = (at) => (at % 11 === 0 ? NaN : (at * 7919) % 101);
  return Float32Array.from({ length: recommender.featureNames.length * count }, (_, at) => value(at));
}
