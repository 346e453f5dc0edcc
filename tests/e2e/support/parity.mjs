// Runs in Node, in the browser and in workerd alike: what the package computes for each case, every bit of it.

/** @returns {{ id, features, probabilities, batch, recommendation }[]} */
export function computeAll(recommender, cases) {
  const rows = cases.map(({ customer, asOf }) => recommender.features(customer, { asOf }));
  const width = recommender.featureNames.length;
  const joined = new Float32Array(rows.length * width);
  rows.forEach((row, at) => joined.set(row, at * width));
  const batch = recommender.scoreBatch(joined, rows.length);
  const classes = recommender.classes.length;
  return cases.map(({ id, customer, asOf }, at) => ({
    id,
    features: hex(rows[at]),
    probabilities: hex(recommender.scoreFeatures(rows[at])),
    batch: hex(batch.slice(at * classes, (at + 1) * classes)),
    recommendation: recommender.recommend(customer, { asOf }),
  }));
}

/** The bytes of little-endian 32-bit floats. */
function hex(values) {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
