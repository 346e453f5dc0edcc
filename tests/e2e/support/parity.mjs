// Runs in Node, in the browser and in workerd alike: what the package computes for each case, every bit of it.

const MANY = 1500;

/** @returns {{ id, features, probabilities, batch, recommendation }[]} */
export function computeAll(recommender, cases, channel) {
  const rows = cases.map(({ customer, asOf }) => recommender.features(customer, { asOf }));
  const width = recommender.featureNames.length;
  // Again and again, since few rows are scored one by one.
  const count = rows.length * Math.ceil(MANY / rows.length);
  const joined = new Float32Array(count * width);
  for (let at = 0; at < count; at++) joined.set(rows[at % rows.length], at * width);
  const batch = recommender.scoreBatch(joined, count).slice(-rows.length * recommender.classes.length);
  const classes = recommender.classes.length;
  return cases.map(({ id, customer, asOf }, at) => ({
    id,
    features: hex(rows[at]),
    probabilities: hex(recommender.scoreFeatures(rows[at])),
    batch: hex(batch.slice(at * classes, (at + 1) * classes)),
    recommendation: recommender.recommend(customer, { asOf, channel }),
  }));
}

/** The bytes of little-endian 32-bit floats. */
function hex(values) {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
