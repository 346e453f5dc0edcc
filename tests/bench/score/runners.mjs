// Ours and the peers in V8: each starts its runtime and gives a function that loads a model, which scores a row or many.

import { createRequire } from "node:module";
import path from "node:path";

/** The package as `make bench-score` builds it; it is told where. */
export async function nextbest() {
  const { init, Recommender } = await import(path.resolve(process.env.NEXTBEST_PACKAGE, "dist/index.js"));
  await init();
  return async (bytes) => {
    const recommender = await Recommender.load(bytes);
    const probabilities = new Float32Array(recommender.classes.length);
    return {
      score: (row) => recommender.scoreFeatures(row, probabilities),
      batch: (rows, count) => recommender.scoreBatch(rows, count),
      contributions: (row) => recommender.contributions(row),
    };
  };
}

export async function onnxruntime() {
  const ort = await import("onnxruntime-web/wasm");
  ort.env.wasm.numThreads = 1;
  return async (bytes, features) => {
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    const [input] = session.inputNames;
    const batch = async (rows, count) => {
      const feeds = { [input]: new ort.Tensor("float32", rows, [count, features]) };
      const { probabilities } = await session.run(feeds, ["probabilities"]);
      return probabilities.data;
    };
    return { score: (row) => batch(row, 1), batch };
  };
}

export async function ydf() {
  const engine = await createRequire(import.meta.url)("ydf-inference")();
  return async (bytes, features) => scoring(await engine.loadModelFromZipBlob(bytes), features);
}

function scoring(model, features) {
  const names = Array.from({ length: features }, (_, feature) => `f${feature}`);
  const score = (row) => {
    const examples = {};
    for (let feature = 0; feature < features; feature++) examples[names[feature]] = [row[feature]];
    return model.predict(examples);
  };
  const batch = (rows, count) => {
    const examples = {};
    for (let feature = 0; feature < features; feature++) {
      const column = new Array(count);
      for (let i = 0; i < count; i++) column[i] = rows[i * features + feature];
      examples[names[feature]] = column;
    }
    return model.predict(examples);
  };
  return { score, batch };
}
