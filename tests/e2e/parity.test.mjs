// The same customers give the same bits natively, in Node, in Chromium and in workerd.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite, test } from "node:test";
import { Worker } from "node:worker_threads";
import { built, builtPackage, bundleBytes, candidates, DIST, parityCases, withPolicy } from "./support/artefacts.mjs";
import { chromium } from "./support/browser.mjs";
import { computeAll } from "./support/parity.mjs";
import { serve } from "./support/server.mjs";
import { worker } from "./support/workerd.mjs";

const ROOT = path.resolve(import.meta.dirname, "../..");

suite("parity with native", () => {
  test("in Node", async () => {
    const { Recommender } = await builtPackage();
    compare(computeAll(await Recommender.load(bundleBytes()), parityCases()));
  });

  test("in Node, models of every other kind", async () => {
    const { Recommender } = await builtPackage();
    const others = candidates();
    assert.equal(others.length, 2, "a forest, boosted trees and a logistic regression: one of them is the bundle's");
    for (const { bytes, cases } of others) {
      compare(computeAll(await Recommender.load(bytes), cases), cases);
    }
  });

  test("in Node, a policy with everything in it, in one of its channels", async () => {
    const { Recommender } = await builtPackage();
    const { bytes, cases } = withPolicy();
    compare(computeAll(await Recommender.load(bytes), cases, "WEB"), cases);
    const answers = cases.map(({ recommendation }) => recommendation);
    const met = new Set(answers.flatMap(({ withheld }) => withheld.map(({ rule }) => rule)));
    for (const rule of ["minimum gap", "minimum tenure", "diversity", "holdout"]) {
      assert.ok(met.has(rule), `no customer meets the rule ${rule}, but ${[...met]}`);
    }
    assert.ok(answers.some(({ offers }) => offers.some(({ propensity }) => propensity < 1)), "something is left to chance");
    assert.ok(answers.some(({ offers }) => offers.some(({ factors }) => factors.context !== 1)), "a context weighs");
  });

  test("in Node, without vectors", async () => {
    const module = readFileSync(path.join(ROOT, "web/pkg/nextbest_wasm_scalar_bg.wasm"));
    const workerData = { index: built(DIST, "index.js"), module, bundle: bundleBytes(), cases: questions() };
    const thread = new Worker(new URL("support/parity-thread.mjs", import.meta.url), { workerData });
    const [computed] = await once(thread, "message");
    compare(computed);
  });

  test("in Chromium", async (t) => {
    const address = await serve(t, ROOT);
    const browser = await chromium();
    t.after(() => browser.close());
    const page = await browser.newPage();
    await page.goto(`${address}web/demo/icon.svg`);
    const computed = await page.evaluate(async (cases) => {
      const { init, Recommender } = await import("/web/dist/index.js");
      const { computeAll } = await import("/tests/e2e/support/parity.mjs");
      await init();
      const bundle = await (await fetch("/outputs/bundle/nextbest.bundle")).arrayBuffer();
      return computeAll(await Recommender.load(bundle), cases);
    }, questions());
    compare(computed);
  });

  test("in workerd", async (t) => {
    const scripts = readdirSync(built(DIST)).filter((name) => name.endsWith(".js"));
    const runtime = await worker(ROOT, [
      "tests/e2e/support/parity-worker.mjs",
      "tests/e2e/support/parity.mjs",
      ...scripts.map((name) => `web/dist/${name}`),
      "web/pkg/nextbest_wasm.js",
      "web/pkg/nextbest_wasm_bg.wasm",
      "outputs/bundle/nextbest.bundle",
    ]);
    t.after(() => runtime.dispose());
    const response = await runtime.dispatchFetch("http://worker/", {
      method: "POST",
      body: JSON.stringify(questions()),
    });
    assert.equal(response.status, 200, await response.clone().text());
    compare(await response.json());
  });
});

function questions() {
  return parityCases().map(({ id, asOf, customer }) => ({ id, asOf, customer }));
}

function compare(computed, native = parityCases()) {
  assert.ok(native.length > 0, "no parity cases: nothing would be compared");
  assert.deepEqual(computed.map(({ id }) => id), native.map(({ id }) => id));
  native.forEach(({ id, features, probabilities, recommendation }, at) => {
    // Of who is not scored the command line tells neither.
    if (recommendation.stopped === null) {
      assert.equal(computed[at].features, features, `${id}: features`);
      assert.equal(computed[at].probabilities, probabilities, `${id}: probabilities`);
      assert.equal(computed[at].batch, probabilities, `${id}: probabilities of the batch`);
    } else {
      assert.deepEqual([features, probabilities], [undefined, undefined], id);
    }
    assert.deepEqual(singles(computed[at].recommendation), singles(recommendation), `${id}: recommendation`);
  });
}

// JSON shows a 32-bit float by as few digits as tell it from its neighbours, JavaScript as the 64-bit number that it
// is: rounding both to 32 bits makes equal bits equal numbers. Some are 64-bit numbers on both sides.
const DOUBLES = new Set(["expectedValue", "propensity", "value", "context", "lever", "priority"]);

function singles(value, name = "") {
  if (typeof value === "number") return DOUBLES.has(name) ? value : Math.fround(value);
  if (Array.isArray(value)) return value.map((item) => singles(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, singles(item, key)]));
}
