// The rows of a plain table get the same bits by `nextbest score --table`, in Node, in Chromium and in workerd.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite, test } from "node:test";
import { built, builtPackage, DIST } from "./support/artefacts.mjs";
import { chromium } from "./support/browser.mjs";
import { scoreAll } from "./support/plain.mjs";
import { serve } from "./support/server.mjs";
import { worker } from "./support/workerd.mjs";

const ROOT = path.resolve(import.meta.dirname, "../..");
const BUNDLE = "tests/fixtures/label.bundle";

suite("a plain table", () => {
  test("scores in Node as natively", async () => {
    const { Recommender } = await builtPackage();
    compare(scoreAll(await Recommender.load(readFileSync(path.join(ROOT, BUNDLE))), rows()));
  });

  test("scores in Chromium as natively", async (t) => {
    const address = await serve(t, ROOT);
    const browser = await chromium();
    t.after(() => browser.close());
    const page = await browser.newPage();
    await page.goto(`${address}web/demo/icon.svg`);
    const scored = await page.evaluate(async ([rows, file]) => {
      const { init, Recommender } = await import("/web/dist/index.js");
      const { scoreAll } = await import("/tests/e2e/support/plain.mjs");
      await init();
      return scoreAll(await Recommender.load(await (await fetch(`/${file}`)).arrayBuffer()), rows);
    }, [rows(), BUNDLE]);
    compare(scored);
  });

  test("scores in workerd as natively", async (t) => {
    const scripts = readdirSync(built(DIST)).filter((name) => name.endsWith(".js"));
    const runtime = await worker(ROOT, [
      "tests/e2e/support/plain-worker.mjs",
      "tests/e2e/support/plain.mjs",
      ...scripts.map((name) => `web/dist/${name}`),
      "web/pkg/nextbest_wasm.js",
      "web/pkg/nextbest_wasm_bg.wasm",
      BUNDLE,
    ]);
    t.after(() => runtime.dispose());
    const response = await runtime.dispatchFetch("http://worker/", { method: "POST", body: JSON.stringify(rows()) });
    assert.equal(response.status, 200, await response.clone().text());
    compare(await response.json());
  });

  test("the same moment is the same, however it is written, on the clock of a bank in Prague", async () => {
    const { Recommender } = await builtPackage();
    const plain = await Recommender.load(readFileSync(path.join(ROOT, BUNDLE)));
    const { zone, offset, changes } = plain.schema.clock;
    assert.equal(zone, "Europe/Prague");
    // As the platform has it, which brings its own database of zones.
    const clock = new Intl.DateTimeFormat("sv", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
    const shown = (instant) => clock.format(instant);
    let at = 0;
    assert(changes.length > 400 && Number.isInteger(offset));
    for (const change of changes) {
      at += change.after;
      if (at < Date.UTC(1980) / 1000 || at > Date.UTC(2100) / 1000) continue;
      const local = new Date((at + change.offset) * 1000).toISOString().slice(0, 19).replace("T", " ");
      assert.equal(shown(at * 1000), local);
    }

    const features = (SIGNED, SEEN) => [...plain.features({ SIGNED, SEEN, AGE: 40 })];
    for (const [signed, seen] of [
      ["2023-06-30T21:30:00Z", "2023-07-01T22:15:00Z"],
      ["2023-01-31T23:30:00Z", "2023-03-26T01:00:00Z"],
      ["2022-10-29T21:59:59Z", "2022-10-30T02:00:00Z"],
    ]) {
      const [at, later] = [new Date(signed), new Date(seen)];
      const expected = features(shown(at), shown(later));
      assert.deepEqual(features(at, later), expected, "dates");
      assert.deepEqual(features(signed, shown(later)), expected, "in two ways");
      assert.deepEqual(features(signed.replace("Z", "+00:00"), later), expected, "with an offset");
      assert.notDeepEqual(features(signed.slice(0, 19), shown(later)), expected);
    }
    // A row without a time of its own is seen from the moment of the question.
    const ask = (asOf) => plain.scoreRow({ SIGNED: "2023-06-30", AGE: 40 }, { asOf });
    assert.deepEqual(ask(new Date("2023-07-01T22:15:00Z")), ask("2023-07-02 00:15:00"));
  });

  test("says what does not fit, and what its model does not answer", async () => {
    const { NextbestError, Recommender } = await builtPackage();
    const plain = await Recommender.load(readFileSync(path.join(ROOT, BUNDLE)));
    assert.deepEqual(plain.schema.task, { label: { column: "OUTCOME" } });
    assert.deepEqual(plain.classes, ["broken", "kept", "lost"]);
    assert.equal(plain.products.length, 0);
    const refused = (call, code, message) =>
      assert.throws(call, (error) => error instanceof NextbestError && error.code === code && message.test(error.message));
    refused(() => plain.scoreRow({ AGE: "44" }), "customer/value", /^AGE: expected a number, got "44"$/);
    refused(() => plain.scoreRow({ Age: 44 }), "customer/value", /none of its columns is one that the model reads, such as SIGNED, AGE/);
    refused(() => plain.scoreRow([]), "customer/type", /row: expected an object, got a list/);
    refused(() => plain.scoreRow({ AGE: 44 }, { asOf: "soon" }), "options/as-of", /asOf/);
    refused(() => plain.recommend({ AGE: 44 }), "recommender/task", /use scoreRow/);

    // A word that the model has never seen is a missing value, and so is an absent one; other columns mean nothing, but are told.
    const probabilities = (row) => plain.scoreRow(row, { asOf: "2024-01-01" }).classes;
    assert.deepEqual(probabilities({ AGE: 30, CITY: "Atlantis", NOTE: {} }), probabilities({ AGE: 30 }));
    assert.deepEqual(plain.scoreRow({ AGE: 30, NOTE: {} }).ignored, ["NOTE"]);
    // A row is seen from its own time, or else from asOf.
    const signed = { AGE: 30, MEMBER: "no", SIGNED: "2022-01-01" };
    assert.deepEqual(probabilities(signed), plain.scoreRow({ ...signed, SEEN: "2024-01-01" }, { asOf: "2030-01-01" }).classes);

    const bank = await Recommender.load(readFileSync(path.join(ROOT, "tests/fixtures/bank.bundle")));
    assert.equal(bank.schema.task, "nextProduct");
    refused(() => bank.scoreRow({ customer: {} }), "recommender/task", /use recommend/);
  });
});

test("docs/TABLES.md shows what a row gets", async () => {
  const document = readFileSync(path.join(ROOT, "docs/TABLES.md"), "utf8");
  const [, call, shown] = /scoreRow\((\{.*?\})\)\.classes;\n\/\/ (.*)\n/.exec(document) ?? assert.fail("no example");
  const row = Function(`return ${call}`)();
  const { Recommender } = await builtPackage();
  const { classes } = (await Recommender.load(readFileSync(path.join(ROOT, BUNDLE)))).scoreRow(row);
  const words = classes.map(({ name, probability }) => `{ name: "${name}", probability: ${cut(probability)}… }`);
  assert.equal(shown, `[${words.join(", ")}]`);
});

/** The first three digits of a fraction. */
function cut(fraction) {
  return Math.floor(fraction * 1000) / 1000;
}

/** The table's rows by column name, as the schema has them: the file writes numbers with a comma. */
function rows() {
  const [header, ...lines] = readFileSync(path.join(ROOT, "tests/fixtures/contracts.csv"), "utf8").trimEnd().split("\n");
  const names = header.split(";");
  const numbers = ["AGE", "INCOME"];
  const cell = (name, text) => (text === "" ? null : numbers.includes(name) ? Number(text.replace(",", ".")) : text);
  return lines.map((line) => Object.fromEntries(line.split(";").map((text, at) => [names[at], cell(names[at], text)])));
}

/** `scored`: of each row the probabilities by class, the most probable first. */
function compare(scored) {
  const [header, ...lines] = readFileSync(built(ROOT, "outputs/plain/scores.csv"), "utf8").trimEnd().split("\n");
  assert.deepEqual(header.split(","), ["CONTRACT", "PREDICTED", "PROBABILITY_broken", "PROBABILITY_kept", "PROBABILITY_lost"]);
  assert.equal(scored.length, lines.length);
  assert.ok(lines.length >= 240, "no rows: nothing would be compared");
  lines.forEach((line, at) => {
    const [id, predicted, ...probabilities] = line.split(",");
    const { classes } = scored[at];
    assert.equal(classes[0].name, predicted, id);
    // The file has as few digits as tell a 32-bit float from its neighbours.
    const native = { broken: probabilities[0], kept: probabilities[1], lost: probabilities[2] };
    assert.equal(classes.length, 3);
    for (const { name, probability } of classes) assert.equal(probability, Math.fround(native[name]), `${id}: ${name}`);
    assert.ok(classes[0].probability >= classes[1].probability && classes[1].probability >= classes[2].probability, id);
  });
}
