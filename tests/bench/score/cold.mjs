// The cold start of a bundle in V8: node cold.mjs BUNDLE prints the milliseconds from its bytes to the first row's
// probabilities, with the package loaded and the module compiled.

import { readFileSync } from "node:fs";
import path from "node:path";

const bytes = new Uint8Array(readFileSync(process.argv[2]));
const started = performance.now();
const { init, Recommender } = await import(path.resolve(process.env.NEXTBEST_PACKAGE, "dist/index.js"));
const loaded = performance.now();
await init();
const initialised = performance.now();
const recommender = await Recommender.load(bytes);
recommender.scoreFeatures(new Float32Array(recommender.featureNames.length));
const ended = performance.now();
console.log(JSON.stringify({
  cold: ended - started,
  package: loaded - started,
  module: initialised - loaded,
  bundle: ended - initialised,
}));
