// The JavaScript half of `make bench`: the built package in V8 on what bench.rs left in target/bench, and the bytes on
// the wire. Prints Markdown.

import { readFileSync } from "node:fs";
import path from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { at, time } from "./clock.mjs";

const ROOT = path.resolve(import.meta.dirname, "../..");
const BENCH = path.join(ROOT, "target/bench");
const ROUNDS = 9;
const SINGLE_ROWS = 20_000;

const { init, Recommender } = await import(path.join(ROOT, "web/dist/index.js"));
const bundle = readFileSync(path.join(BENCH, "outputs/bundle/nextbest.bundle"));
const rows = new Float32Array(readFileSync(path.join(BENCH, "rows.f32")).buffer.slice(0));
const customers = JSON.parse(readFileSync(path.join(BENCH, "outputs/bundle/customers.json"), "utf8"));

const starting = await time(() => init());
let recommender;
const loading = await time(async () => {
  recommender = await Recommender.load(bundle);
});
const width = recommender.featureNames.length;
const count = rows.length / width;

const singles = [];
for (let i = 0; i < SINGLE_ROWS; i++) {
  const row = rows.subarray((i % count) * width, ((i % count) + 1) * width);
  singles.push(await time(() => recommender.scoreFeatures(row)));
}
const batches = [];
for (let round = 0; round < ROUNDS; round++) batches.push(await time(() => recommender.scoreBatch(rows, count)));
const offers = [];
for (const { customer, asOf } of customers) {
  for (let round = 0; round < ROUNDS * 5; round++) {
    offers.push(await time(() => recommender.recommend(customer, { asOf, top: 3, explain: true })));
  }
}

const microseconds = (milliseconds) => `${(milliseconds * 1e3).toFixed(1)} µs`;
console.log(`\n| scoring, wasm in V8 (Node ${process.versions.node}), one thread | |\n|---|---|`);
console.log(`| start the engine (compile, instantiate) | ${starting.toFixed(1)} ms |`);
console.log(`| load the bundle (decode, check) | ${loading.toFixed(1)} ms |`);
console.log(`| batch of ${count} rows | ${Math.round(count / (at(batches, 0.5) / 1e3)).toLocaleString("en")} rows/s |`);
console.log(`| one row, p50 / p99 | ${microseconds(at(singles, 0.5))} / ${microseconds(at(singles, 0.99))} |`);
console.log(`| a customer's raw rows → offers with reasons, p50 | ${microseconds(at(offers, 0.5))} |`);

console.log("\n| bytes | raw | gzip -9 | brotli 11 |\n|---|---|---|---|");
const size = (buffer) => buffer.length.toLocaleString("en");
for (const [name, file] of [
  ["wasm", path.join(ROOT, "web/pkg/nextbest_wasm_bg.wasm")],
  ["JavaScript glue", path.join(ROOT, "web/pkg/nextbest_wasm.js")],
  ["bundle (default model)", path.join(BENCH, "outputs/bundle/nextbest.bundle")],
]) {
  const raw = readFileSync(file);
  console.log(`| ${name} | ${size(raw)} | ${size(gzipSync(raw, { level: 9 }))} | ${size(brotliCompressSync(raw))} |`);
}
