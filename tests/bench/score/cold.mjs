// The cold start of a bundle in V8: node cold.mjs BUNDLE prints the milliseconds from the files to the first row's
// probabilities, nothing being loaded or compiled; and those of a later start with the code compiled, as where a server keeps
// it or a browser has cached it.

import { readFileSync } from "node:fs";
import path from "node:path";

const bytes = new Uint8Array(readFileSync(process.argv[2]));
const started = performance.now();
const { init, Recommender } = await import(path.resolve(process.env.NEXTBEST_PACKAGE, "dist/index.js"));
const loaded = performance.now();
await init();
const initialised = performance.now();
await start();
const ended = performance.now();
for (let round = 0; round < 50; round++) await start();
const again = performance.now();
await start();
const warm = performance.now() - again;
console.log(JSON.stringify({
  cold: ended - started,
  package: loaded - started,
  module: initialised - loaded,
  bundle: ended - initialised,
  warm,
}));

async function start() {
  const recommender = await Recommender.load(bytes);
  recommender.scoreFeatures(new Float32Array(recommender.featureNames.length));
  recommender.free();
}
