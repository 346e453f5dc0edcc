// Scores the test rows with one runner in V8, on one thread: node v8.mjs RUNNER MODEL ROWS OUT. Writes the probabilities
// and prints how fast it was, in milliseconds: the cold start from the files to the first row's probabilities, nothing being
// loaded or compiled; rows one by one and all at once, each from single-precision numbers to probabilities; at last a warm start,
// from the model's bytes to the first row's probabilities with a runtime that has already loaded one.

import { readFileSync, writeFileSync } from "node:fs";
import { at, time } from "../clock.mjs";
import * as runners from "./runners.mjs";

const FEATURES = 40;
const BATCHES = 3;
const WARM_UP = 2_000;
const WARM_STARTS = 3;
const EXPLAINED = 2_000;

const [name, model, rowsFile, out] = process.argv.slice(2);
const bytes = new Uint8Array(readFileSync(model));
const rows = new Float32Array(new Uint8Array(readFileSync(rowsFile)).buffer);
const count = rows.length / FEATURES;
const row = (i) => rows.subarray(i * FEATURES, (i + 1) * FEATURES);

let load, runner;
const start = async () => {
  runner = await load(bytes, FEATURES);
  await runner.score(row(0));
};
const cold = await time(async () => {
  load = await runners[name]();
  await start();
});
for (let i = 0; i < WARM_UP; i++) await runner.score(row(i));
const singles = [];
for (let i = 0; i < count; i++) {
  // So that a row is never beside the one before.
  const scattered = row((i * 7919) % count);
  singles.push(await time(() => runner.score(scattered)));
}
writeFileSync(out, Float32Array.from(await runner.batch(rows, count)));
const batches = [];
for (let round = 0; round < BATCHES; round++) batches.push(await time(() => runner.batch(rows, count)));
const starts = [];
for (let round = 0; round < WARM_STARTS; round++) starts.push(await time(start));
// Exact reasons for all classes, which the peers have none of.
const explained = [];
for (let i = 0; runner.contributions && i < EXPLAINED; i++) {
  const scattered = row((i * 7919) % count);
  explained.push(await time(() => runner.contributions(scattered)));
}
const reasons = explained.length > 0 ? { reasons_p50: at(explained, 0.5), reasons_p99: at(explained, 0.99) } : {};
const [p50, p99] = [at(singles, 0.5) * 1e3, at(singles, 0.99) * 1e3];
console.log(JSON.stringify({ cold, warm: at(starts, 0.5), p50, p99, rows_per_second: count / (at(batches, 0.5) / 1e3), ...reasons }));
