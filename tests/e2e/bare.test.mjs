// Trees without any split: rows at once get what they get alone, with vectors and without, and nothing of a call before.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { suite, test } from "node:test";
import { Worker } from "node:worker_threads";
import { built, DIST } from "./support/artefacts.mjs";

const ROOT = path.resolve(import.meta.dirname, "../..");

suite("trees without splits", () => {
  for (const [what, file] of [["with vectors", "nextbest_wasm_bg.wasm"], ["without vectors", "nextbest_wasm_scalar_bg.wasm"]]) {
    test(`score alike in any number, ${what}`, async () => {
      const bundle = (kind) => readFileSync(built(ROOT, "outputs/bare", kind, "nextbest.bundle"));
      const workerData = {
        index: built(DIST, "index.js"),
        module: readFileSync(built(ROOT, "web/pkg", file)),
        ordinary: readFileSync(path.join(ROOT, "tests/fixtures/label.bundle")),
        bundles: [bundle("random_forest"), bundle("gradient_boosting")],
      };
      const thread = new Worker(new URL("support/bare-thread.mjs", import.meta.url), { workerData });
      const [found] = await once(thread, "message");
      assert.deepEqual(found, [[], []]);
    });
  }
});
