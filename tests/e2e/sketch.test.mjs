// Rows are counted where they are scored, of those who agree, and what leaves are sketches: in Node, in Chromium and in workerd.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite, test } from "node:test";
import { built, builtPackage, bundleBytes, customers, DIST, randomisedBytes } from "./support/artefacts.mjs";
import { chromium } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";
import { parts, predictable, sealed, sketchAll } from "./support/sketch.mjs";
import { worker } from "./support/workerd.mjs";

const ROOT = path.resolve(import.meta.dirname, "../..");
const MINIMUM_ROWS = 20;
const MOST_ROWS = 65_535;
const agreed = { consent: true };

const { NextbestError, Recommender } = await builtPackage();
const load = () => Recommender.load(bundleBytes());
const rowsOf = (r) => customers().map(({ customer, asOf }) => r.features(customer, { asOf }));

/** Counts so many rows, of the samples in turn. */
function observe(r, count) {
  const rows = rowsOf(r);
  for (let at = 0; at < count; at += 1) assert.equal(r.observe(rows[at % rows.length], agreed), true);
}

suite("counting rows", () => {
  test("says by which rules", async () => {
    const r = await load();
    assert.deepEqual(r.sketchRules, { minimumRows: MINIMUM_ROWS, epsilon: null });
    assert.throws(() => Object.assign(r.sketchRules, { minimumRows: 1 }), TypeError);
    assert.deepEqual((await Recommender.load(randomisedBytes())).sketchRules, { minimumRows: MINIMUM_ROWS, epsilon: 1 });
    r.free();
    assert.throws(() => r.observedRows, failure("recommender/freed"));
  });

  test("counts those who agree, and nobody else", async () => {
    const r = await load();
    const [row] = rowsOf(r);
    for (const consent of [undefined, null, false, 0, 1, "true", "yes", [], {}, new Boolean(true), Symbol("yes")]) {
      assert.equal(r.observe(row, { consent }), false);
    }
    for (const options of [undefined, null, {}]) assert.equal(r.observe(row, options), false);
    for (const options of [true, "consent"]) assert.throws(() => r.observe(row, options), { code: "options/type" });
    assert.equal(r.observedRows, 0);
    assert.equal(r.observe(row, agreed), true);
    assert.equal(r.observedRows, 1);
    r.free();
  });

  test("refuses what is no row, with consent or without", async () => {
    const r = await load();
    const [row] = rowsOf(r);
    const infinite = row.slice();
    infinite[1] = Number.POSITIVE_INFINITY;
    for (const options of [agreed, { consent: false }]) {
      assert.throws(() => r.observe(infinite, options), failure("row/infinite", /^row 0, feature/));
      assert.throws(() => r.observe(row.subarray(1), options), failure("row/length"));
      assert.throws(() => r.observe([...row], options), failure("row/type"));
    }
    assert.equal(r.observedRows, 0);
    r.free();
  });

  test("keeps few rows, hands enough of them out and begins anew", async () => {
    const r = await load();
    assert.throws(() => r.sketch(), failure("sketch/too-few-rows", /^sketch: 0 rows are too few .* needs 20/));
    observe(r, MINIMUM_ROWS - 1);
    assert.throws(() => r.sketch(), failure("sketch/too-few-rows", /^sketch: 19 rows/));
    observe(r, 1);
    const sketch = r.sketch();
    assert.ok(sketch instanceof Uint8Array);
    assert.equal(r.observedRows, 0);
    assert.throws(() => r.sketch(), failure("sketch/too-few-rows"));
    observe(r, MINIMUM_ROWS + 1);
    const next = r.sketch();
    const [first, second] = [sketch, next].map((bytes) => r.checkSketch(bytes));
    assert.deepEqual(first, { rows: 20, identity: parts(sketch).identity, merged: false, randomised: false });
    assert.deepEqual(second, { rows: 21, identity: parts(next).identity, merged: false, randomised: false });
    assert.notEqual(first.identity, second.identity);
    r.free();
  });

  test("counts each row once in every distribution, where it lies", async () => {
    const r = await load();
    const rows = [...rowsOf(r), ...rowsOf(r)];
    observe(r, rows.length);
    const { bundle, counts, rows: counted } = parts(r.sketch());
    assert.equal(counted, rows.length);
    assert.equal(bundle, r.contentHash.slice(0, 32));
    const distributions = counts.reduce((sum, count) => sum + count) / rows.length;
    // Features, probabilities, three measures of what they say about themselves, and the choice.
    assert.equal(distributions, r.featureNames.length + r.classes.length + 4);
    // The last one is of the most probable product, with a cell before for a row without one.
    const chosen = new Array(r.classes.length + 1).fill(0);
    for (const row of rows) {
      const [, ...products] = r.scoreFeatures(row);
      chosen[products.indexOf(Math.max(...products)) + 2] += 1;
    }
    assert.deepEqual(counts.slice(-chosen.length), chosen);
    r.free();
  });

  test("a full sketch counts no more, and is small", async () => {
    const r = await load();
    observe(r, MOST_ROWS);
    assert.equal(r.observe(rowsOf(r)[0], agreed), false);
    assert.equal(r.observedRows, MOST_ROWS);
    const full = r.sketch();
    assert.equal(r.checkSketch(full).rows, MOST_ROWS);
    observe(r, 1000);
    const usual = r.sketch();
    const cells = parts(full).counts.length;
    // Whatever the rows: of a distribution's counts, which add up to 65,535, three can take three bytes, the others two.
    const distributions = r.featureNames.length + r.classes.length + 4;
    const most = 30 + 3 + 2 * cells + 3 * distributions + 8;
    console.log(`# ${r.featureNames.length} features, ${cells} cells: 1,000 rows take ${usual.length} bytes, any at most ${most}`);
    assert.ok(usual.length < 1100 && full.length <= most && most <= 2000);
    r.free();
  });

  test("takes its randomness from the platform, anew for each row and sketch", async (t) => {
    const r = await load();
    const random = t.mock.method(crypto, "getRandomValues");
    t.mock.method(Math, "random", () => assert.fail("not unpredictable"));
    observe(r, MINIMUM_ROWS);
    r.sketch();
    const asked = random.mock.calls.map(({ arguments: [bytes] }) => bytes.length);
    assert.deepEqual(asked, [...new Array(MINIMUM_ROWS).fill(16), 8]);
    r.free();
  });

  test("is not possible by a bundle without a profile", async () => {
    const r = await Recommender.load(readFileSync(path.join(ROOT, "tests/fixtures/bank.bundle")));
    assert.equal(r.sketchRules, null);
    assert.throws(() => r.observe(new Float32Array(r.featureNames.length), agreed), failure("sketch/no-profile", /export/));
    assert.throws(() => r.sketch(), failure("sketch/no-profile"));
    assert.throws(() => r.checkSketch(new Uint8Array(100)), failure("sketch/no-profile"));
    assert.equal(r.observedRows, 0);
    r.free();
  });
});

suite("a bundle that asks for randomised rows", () => {
  test("hands out single rows, each told of one distribution alone", async () => {
    const r = await Recommender.load(randomisedBytes());
    assert.throws(() => r.sketch(), failure("sketch/too-few-rows", /needs 1:/));
    observe(r, 1);
    const sketch = r.sketch();
    const { rows, randomised } = r.checkSketch(sketch);
    assert.deepEqual([rows, randomised], [1, true]);
    assert.deepEqual(parts(sketch).counts.filter((count) => count > 0), [1]);
    r.free();
  });

  test("randomises: the same row is told differently, and the truth more often than by chance", async () => {
    const plain = await load();
    const r = await Recommender.load(randomisedBytes());
    const [row] = rowsOf(r);
    for (let at = 0; at < MINIMUM_ROWS; at += 1) plain.observe(row, agreed);
    for (let at = 0; at < 20_000; at += 1) r.observe(row, agreed);
    const truth = parts(plain.sketch()).counts;
    const { rows, counts } = parts(r.sketch());
    assert.equal(rows, 20_000);
    let [told, possible] = [0, 0];
    counts.forEach((count, at) => {
      if (truth[at] > 0) told += count;
      possible += count > 0 ? 1 : 0;
    });
    assert.ok(possible > truth.length * 0.9, `${possible} of ${truth.length} cells are told`);
    // By ε = 1, of k cells the true one is told with probability e / (e + k − 1): between those of 2 and of 64 cells.
    assert.ok(told / rows > 0.06 && told / rows < 0.73, `${told} of ${rows} rows tell the truth`);
    assert.ok(told / rows > 1.5 * (truth.filter((count) => count > 0).length / truth.length), "no more than by chance");
    plain.free();
    r.free();
  });
});

suite("checking a sketch", () => {
  test("refuses what is none of this bundle", async () => {
    const r = await load();
    const other = await Recommender.load(randomisedBytes());
    observe(r, MINIMUM_ROWS);
    observe(other, MINIMUM_ROWS);
    const sketch = r.sketch();
    const changed = (at, by) => sealed(Uint8Array.from(sketch, (byte, index) => (index === at ? byte + by : byte)));
    const damaged = Uint8Array.from(sketch, (byte, index) => (index === 40 ? byte ^ 1 : byte));
    for (const [bytes, code] of [
      [damaged, "sketch/damaged"],
      [sketch.subarray(0, -1), "sketch/damaged"],
      [await sealed(sketch.subarray(0, -1)), "sketch/length"],
      [new Uint8Array(0), "sketch/magic"],
      [new Uint8Array(1000), "sketch/magic"],
      [new Uint8Array((1 << 22) + 1), "sketch/length"],
      [await changed(4, 1), "sketch/version"],
      [await changed(6, 1), "sketch/other-bundle"],
      [other.sketch(), "sketch/other-bundle"],
      [await changed(30, 1), "sketch/counts"],
      [await changed(5, 1), "sketch/counts"],
      [[...sketch], "sketch/type"],
      [undefined, "sketch/type"],
    ]) {
      assert.throws(() => r.checkSketch(bytes), failure(code));
    }
    // Any byte at all.
    for (let at = 0; at < sketch.length; at += 1) {
      const bytes = Uint8Array.from(sketch, (byte, index) => (index === at ? byte ^ 4 : byte));
      assert.throws(() => r.checkSketch(bytes), failure(at < 4 ? "sketch/magic" : /^sketch\/(version|damaged)$/));
    }
    assert.equal(r.checkSketch(await changed(5, 2)).merged, true, "which those who collect them ask");
    assert.equal(r.checkSketch(sketch).rows, MINIMUM_ROWS);
    r.free();
    other.free();
  });
});

suite("the same rows and random bytes give the same sketches", () => {
  const cases = customers();
  const bundles = [bundleBytes(), randomisedBytes()];
  const inNode = async () => {
    const sketches = [];
    for (const bytes of bundles) sketches.push(await sketchAll({ Recommender }, bytes, cases));
    return sketches;
  };

  test("in Node, where other random bytes give others", async () => {
    const [plain, randomised] = await inNode();
    assert.deepEqual(await inNode(), [plain, randomised]);
    const counts = (sketch) => sketch.slice(60, -16);
    assert.ok(new Set([...plain, ...randomised]).size === 6, "each has an identity of its own");
    assert.ok(plain.every((sketch) => counts(sketch) === counts(plain[0])), "counts are no matter of chance …");
    assert.ok(counts(randomised[0]) !== counts(randomised[1]), "… unless they are to be");
    const restore = predictable(2);
    restore();
    assert.equal(Object.hasOwn(crypto, "getRandomValues"), false);
  });

  test("in Chromium", async (t) => {
    const address = await serve(t, ROOT);
    const browser = await chromium();
    t.after(() => browser.close());
    const page = await browser.newPage();
    await page.goto(`${address}web/demo/icon.svg`);
    const said = await page.evaluate(async (cases) => {
      const nextbest = await import("/web/dist/index.js");
      const { sketchAll } = await import("/tests/e2e/support/sketch.mjs");
      await nextbest.init();
      const sketches = [];
      for (const file of ["outputs/bundle/nextbest.bundle", "outputs/randomised/bundle/nextbest.bundle"]) {
        const bytes = new Uint8Array(await (await fetch(`/${file}`)).arrayBuffer());
        sketches.push(await sketchAll(nextbest, bytes, cases));
      }
      return sketches;
    }, cases);
    assert.deepEqual(said, await inNode());
  });

  test("in workerd", async (t) => {
    const scripts = readdirSync(built(DIST)).filter((name) => name.endsWith(".js"));
    const runtime = await worker(ROOT, [
      "tests/e2e/support/sketch-worker.mjs",
      "tests/e2e/support/sketch.mjs",
      ...scripts.map((name) => `web/dist/${name}`),
      "web/pkg/nextbest_wasm.js",
      "web/pkg/nextbest_wasm_bg.wasm",
      "outputs/bundle/nextbest.bundle",
      "outputs/randomised/bundle/nextbest.bundle",
    ]);
    t.after(() => runtime.dispose());
    const response = await runtime.dispatchFetch("http://worker/", { method: "POST", body: JSON.stringify(cases) });
    assert.equal(response.status, 200, await response.clone().text());
    assert.deepEqual(await response.json(), await inNode());
  });
});

// Last: it replaces the instance under every model of the other tests.
test("a crash loses the rows counted so far, and counting goes on", async () => {
  const r = await load();
  observe(r, MINIMUM_ROWS);
  const { initSync } = await import(path.join(ROOT, "web/pkg/nextbest_wasm.js"));
  new Uint8Array(initSync().memory.buffer).fill(0xff);
  assert.throws(() => r.scoreFeatures(new Float32Array(r.featureNames.length)), failure("engine/crashed"));
  assert.equal(r.observedRows, 0);
  observe(r, MINIMUM_ROWS);
  assert.equal(r.checkSketch(r.sketch()).rows, MINIMUM_ROWS);
  r.free();
});

/** Checks that what was thrown is the package's own error with this code, and a message that says something. */
function failure(code, pattern = /./) {
  return (error) => {
    assert.ok(error instanceof NextbestError, `${error}`);
    if (code instanceof RegExp) assert.match(error.code, code);
    else assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    return true;
  };
}
