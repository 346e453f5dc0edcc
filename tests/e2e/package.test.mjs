// The npm package as `npm pack` makes it, in Node.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, suite, test } from "node:test";
import { built, bundleBytes, customers, DIST, fromWeb, WEB, withPolicy } from "./support/artefacts.mjs";

let folder;
let nextbest;

before(async () => {
  built(DIST, "index.js");
  folder = mkdtempSync(path.join(tmpdir(), "nextbest-package-"));
  const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", folder], { cwd: WEB, encoding: "utf8" });
  const [{ filename }] = Object.values(JSON.parse(packed));
  execFileSync("tar", ["-xzf", path.join(folder, filename), "-C", folder]);
  nextbest = await import(path.join(folder, "package/dist/index.js"));
});
after(() => folder && rmSync(folder, { recursive: true }));

const [sample] = customers();
const load = () => nextbest.Recommender.load(bundleBytes());

// Its order matters: the first test needs a package that is not started.
suite("the package", { concurrency: false }, () => {
  test("asks for init, and init can be tried again after a failure", async () => {
    const { init, Recommender } = nextbest;
    await assert.rejects(Recommender.load(bundleBytes()), failure("init/missing", /await init\(\)/));
    await assert.rejects(init(new Uint8Array([0, 1, 2])), failure("init/compile"));
    await assert.rejects(init(new URL("file:///nowhere.wasm")), failure("init/fetch", /nowhere\.wasm/));
    await assert.rejects(init(new Response("", { status: 404 })), failure("init/fetch", /404/));
    await init();
    await init();
  });

  test("holds nothing but the code, its types and the engine", () => {
    const listing = execFileSync("npm", ["pack", "--dry-run", "--json"], { cwd: WEB, encoding: "utf8" });
    const [{ files }] = Object.values(JSON.parse(listing));
    for (const { path: name } of files) assert.match(name, /^(package\.json|README\.md|LICENSE.*|(dist|pkg)\/[\w.]+)$/);
  });

  test("its types are complete, strict and as documented", () => {
    const program = `
      import {
        init, NextbestError, Recommender, type CheckedSketch, type Customer, type Offer, type PublicKey, type Schema,
        type SketchRules, type Validity,
      } from "nextbest";
      await init(new WebAssembly.Module(new Uint8Array()));
      const customer: Customer = { customer: { AGE: 1, NAME: null }, accounts: [{ AMOUNT: 2.5 }], more: undefined };
      const publicKey: PublicKey = "-----BEGIN PUBLIC KEY-----";
      const r = await Recommender.load(new ArrayBuffer(8), { selfTest: false, publicKey, now: new Date(), minimumNumber: 1 });
      const { number, notBefore, expires }: Validity = r.validity;
      const told: [number, Date | null, Date | null, string | null] = [number, notBefore, expires, r.signedBy];
      const offers: readonly Offer[] = r.recommend(customer, { asOf: new Date(), top: 2, explain: true }).offers;
      const probabilities: Float32Array = r.scoreBatch(r.features(customer), 1);
      const schema: Schema = r.schema;
      const rules: SketchRules | null = r.sketchRules;
      const counted: boolean = r.observe(r.features(customer), { consent: true });
      const sketch: Uint8Array = r.sketch();
      const { rows, identity, merged, randomised }: CheckedSketch = r.checkSketch(sketch);
      const sketched: [number, string, boolean, boolean, number] = [rows, identity, merged, randomised, r.observedRows];
      const code: string = new NextbestError("a/b", "c").code;
      // @ts-expect-error: nobody is counted without being asked
      r.observe(r.features(customer));
      // @ts-expect-error: a customer has a customer row
      r.recommend({ accounts: [] });
      // @ts-expect-error: only a Float32Array crosses without a copy in JavaScript
      r.scoreFeatures([1, 2]);
      // @ts-expect-error: made by load
      new Recommender(new Uint8Array());
      console.log(offers, probabilities, schema, code, told, rules, counted, sketched);
    `;
    const home = path.join(folder, "consumer");
    execFileSync("mkdir", ["-p", path.join(home, "node_modules")]);
    execFileSync("ln", ["-s", path.join(folder, "package"), path.join(home, "node_modules/nextbest")]);
    writeFileSync(path.join(home, "index.mts"), program);
    const options = { strict: true, module: "nodenext", target: "es2022", lib: ["es2022", "dom"], types: [], noEmit: true };
    writeFileSync(path.join(home, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["index.mts"] }));
    const compiler = path.join(path.dirname(fromWeb.resolve("typescript/package.json")), "bin/tsc");
    try {
      execFileSync(process.execPath, [compiler, "-p", home], { encoding: "utf8" });
    } catch (error) {
      assert.fail(error.stdout);
    }
  });

  test("says what the bundle is", async () => {
    const r = await load();
    assert.ok(r.featureNames.length > 0);
    assert.deepEqual(r.classes, ["NONE", ...r.products]);
    assert.deepEqual(r.schema.products.map(({ name }) => name), r.products);
    assert.ok(r.schema.horizonDays > 0);
    assert.deepEqual(r.schema.tables.map(({ name }) => name).filter((name) => /^(accounts|transactions)$/.test(name)).sort(),
      ["accounts", "transactions"]);
    const types = r.schema.tables.find(({ name }) => name === "transactions").columns
      .find(({ name }) => name === "TRANSACTIONTYPEID").kind;
    assert.ok(types.category.includes("SALARY"));
    assert.equal(r.contentHash, bundleBytes().subarray(-32).toString("hex"));
    assert.ok(r.modelVersion.endsWith(r.contentHash.slice(0, 8)));
    assert.equal(typeof r.card.algorithm, "string");
    assert.throws(() => r.classes.push("x"), TypeError);
    r.free();
  });

  test("a damaged bundle is refused", async () => {
    const whole = bundleBytes();
    const flipped = Uint8Array.from(whole);
    flipped[whole.length >> 1] ^= 1;
    const { Recommender } = nextbest;
    await assert.rejects(Recommender.load(flipped), failure("bundle/hash-mismatch", /SHA-256/));
    await assert.rejects(Recommender.load(whole.subarray(1)), failure("bundle/magic"));
    await assert.rejects(Recommender.load(whole.subarray(0, 1000)), failure("bundle/hash-mismatch"));
    await assert.rejects(Recommender.load(new Uint8Array()), failure("bundle/magic"));
    await assert.rejects(Recommender.load("bytes"), failure("bundle/type"));
  });

  test("takes bytes as a Uint8Array, part of a buffer or an ArrayBuffer", async () => {
    const whole = bundleBytes();
    const padded = new Uint8Array(whole.length + 2);
    padded.set(whole, 1);
    for (const bytes of [whole, padded.subarray(1, -1), Uint8Array.from(whole).buffer]) {
      assert.equal((await nextbest.Recommender.load(bytes)).contentHash, whole.subarray(-32).toString("hex"));
    }
  });

  test("recommends with defaults that are documented", async () => {
    const r = await load();
    const { customer, asOf } = sample;
    const answer = r.recommend(customer, { asOf });
    assert.ok(answer.offers.length <= 3);
    assert.deepEqual(answer, r.recommend(customer, { asOf, top: 3, explain: true }));
    assert.deepEqual(answer, r.recommend(customer, { asOf: new Date(`${asOf}T00:00:00Z`) }));
    assert.equal(answer.asOf, asOf);
    assert.equal(answer.modelVersion, r.modelVersion);
    assert.ok(answer.offers.some(({ reasons }) => reasons.length > 0));
    const plain = r.recommend(customer, { asOf, explain: false });
    assert.ok(plain.offers.every(({ reasons }) => reasons.length === 0));
    assert.equal(r.recommend(customer, { asOf, top: 1 }).offers.length, 1);
    assert.match(r.recommend(customer).asOf, new RegExp(`^${new Date().getUTCFullYear()}-\\d\\d-\\d\\d`));

    const probabilities = r.scoreFeatures(r.features(customer, { asOf }));
    assert.equal(answer.noneProbability, probabilities[0]);
    for (const { product, probability } of answer.offers) {
      assert.equal(probability, probabilities[r.classes.indexOf(product)], product);
    }
    r.free();
  });

  test("unknown fields are ignored and told, missing values may be null, undefined, NaN or absent", async () => {
    const r = await load();
    const { customer, asOf } = sample;
    const row = r.features(customer, { asOf });
    const more = {
      ...customer,
      customer: { ...customer.customer, UNKNOWN: [1, { a: 2 }], toString: undefined },
      nothing: 7,
    };
    assert.deepEqual(r.features(more, { asOf }), row);
    const { ignored, ...answer } = r.recommend(more, { asOf });
    assert.deepEqual(ignored, ["customer.UNKNOWN", "nothing"]);
    assert.deepEqual({ ...answer, ignored: [] }, r.recommend(customer, { asOf }));
    const strict = await nextbest.Recommender.load(bundleBytes(), { strict: true });
    assert.deepEqual(strict.recommend(customer, { asOf }), r.recommend(customer, { asOf }));
    assert.throws(() => strict.features({ ...customer, acounts: [] }, { asOf }), failure("customer/unknown", /^acounts: .*did you mean accounts\?/));
    assert.throws(() => strict.recommend(more, { asOf }), failure("customer/unknown", /^customer\.UNKNOWN/));
    assert.deepEqual(strict.recommend(more, { asOf, strict: false }).ignored, ignored);
    assert.throws(() => r.recommend(more, { asOf, strict: true }), failure("customer/unknown"));
    strict.free();
    const [account, ...others] = customer.accounts;
    const absent = { ...account };
    delete absent.PRINCIPALAMOUNT;
    const with_ = (first) => r.features({ ...customer, accounts: [first, ...others] }, { asOf });
    for (const value of [null, undefined, Number.NaN]) {
      assert.deepEqual(with_({ ...account, PRINCIPALAMOUNT: value }), with_(absent));
    }
    r.free();
  });

  test("what can be no row is refused, and what a column can't hold by its name", async () => {
    const r = await load();
    const { customer, asOf } = sample;
    class Row {}
    const cyclic = { ...customer };
    cyclic.accounts = cyclic;
    const [account] = customer.accounts;
    const itself = { ...account };
    itself.PRINCIPALAMOUNT = itself;
    const throwing = { get PRINCIPALAMOUNT() { throw new Error("no"); } };
    const odd = [new Map(), new Set(), new Row(), Promise.resolve(), new Date(), new Uint8Array(3), Symbol("s"), () => 1, 3n, { toJSON: () => ({}) }];
    for (const value of odd) {
      for (const wrong of [value, { ...customer, customer: value }, { ...customer, accounts: value }, { ...customer, accounts: [value] }]) {
        assert.throws(() => r.recommend(wrong, { asOf }), failure("customer/type", /expected/), String(value));
      }
    }
    for (const wrong of [cyclic, { ...customer, accounts: [throwing] }, { ...customer, customer: Object.create({ CITY: "x" }) }]) {
      assert.throws(() => r.recommend(wrong, { asOf }), failure("customer/type"));
    }
    const with_ = (cell) => ({ ...customer, accounts: [{ ...account, PRINCIPALAMOUNT: cell }] });
    for (const [cell, got] of [
      [Infinity, "Infinity"], [-Infinity, "-Infinity"], ["1e999", '"1e999"'], [true, "true"], [[44], "a list"], [{}, "an object"],
      [new Number(44), "an instance of Number"], [new Date(0), '"1970'], [new Date(NaN), "an invalid Date"], [() => 1, "a function"], [Symbol("s"), "a symbol"],
    ]) {
      assert.throws(() => r.features(with_(cell), { asOf }), failure("customer/value", new RegExp(`^accounts\\[0\\]\\.PRINCIPALAMOUNT: expected a number, got ${got}`)));
    }
    assert.throws(() => r.features({ ...customer, accounts: [itself] }, { asOf }), failure("customer/value", /got an object/));
    // In what is not read, all of that means nothing.
    const note = (cell) => ({ ...customer, accounts: customer.accounts.map((row) => ({ ...row, NOTE: cell })) });
    for (const cell of [...odd, Infinity, customer, "Ro\ud83d"]) {
      assert.deepEqual(r.features(note(cell), { asOf }), r.features(customer, { asOf }));
    }
    assert.deepEqual(r.features(with_(1200n), { asOf }), r.features(with_(1200), { asOf }));
    r.free();
  });

  test("half a surrogate pair is a word that the model does not know", async () => {
    const r = await load();
    const { customer, asOf } = sample;
    const from = (CITY) => r.features({ ...customer, customer: { ...customer.customer, CITY } }, { asOf });
    for (const half of ["Ro\ud83d", "\ude00ma", "\ud83d\ud83d"]) assert.deepEqual(from(half), from("Atlantis"));
    r.free();
  });

  test("an id keeps its digits, or is refused", async () => {
    const r = await nextbest.Recommender.load(withPolicy().bytes);
    const [{ customer, asOf }] = customers();
    const arm = (CUSTOMERID) => r.recommend({ ...customer, customer: { ...customer.customer, CUSTOMERID } }, { asOf }).arm;
    for (let id = 2n ** 53n + 1n; id < 2n ** 53n + 80n; id += 2n) {
      for (const same of [`${id}`, ` ${id}\0`]) assert.equal(arm(id), arm(same));
      assert.throws(() => arm(Number(id)), failure("customer/value", /^customer\.CUSTOMERID: .*BigInt/));
    }
    assert.equal(arm(7), arm("7"));
    assert.throws(() => arm(""), failure("customer/value", /missing/));
    r.free();
  });

  test("a wrong type is an error that names the path", async () => {
    const r = await load();
    const { customer, asOf } = sample;
    const changed = (table, at, cells) => ({
      ...customer,
      [table]: customer[table].map((row, index) => (index === at ? { ...row, ...cells } : row)),
    });
    for (const [rows, message] of [
      [changed("accounts", 0, { PRINCIPALAMOUNT: "abc" }), 'accounts[0].PRINCIPALAMOUNT: expected a number, got "abc"'],
      [changed("accounts", 0, { ORIGINATIONDATE: "2020-02-30" }), "accounts[0].ORIGINATIONDATE: expected a date"],
      [changed("transactions", 2, { TRANSACTIONTYPEID: {} }), "transactions[2].TRANSACTIONTYPEID: expected a word, got an object"],
      [changed("transactions", 1, { TRANSACTIONINITIATEDTIMESTAMP: null }), "transactions[1].TRANSACTIONINITIATEDTIMESTAMP: missing"],
      [{ ...customer, transactions: {} }, "transactions: expected a list of rows, got an object"],
      [{ ...customer, transactions: [[]] }, "transactions[0]: expected an object, got a list"],
      [{ ...customer, customer: null }, "customer: expected an object, got null"],
      [{}, "customer: missing"],
      [null, "customer: expected an object"],
      [undefined, "customer: expected an object"],
      [() => 1, "customer: expected an object"],
      ["text", "customer: expected an object"],
    ]) {
      for (const call of [() => r.recommend(rows, { asOf }), () => r.features(rows, { asOf })]) {
        const code = /expected an object|list of rows|customer: missing/.test(message) ? "customer/type" : "customer/value";
        assert.throws(call, (error) => failure(code)(error) && error.message.startsWith(message));
      }
    }
    r.free();
  });

  test("bad options and rows are refused", async () => {
    const r = await load();
    const { customer, asOf } = sample;
    for (const bad of ["soon", "2026-13-01", "", new Date(Number.NaN), 7]) {
      assert.throws(() => r.recommend(customer, { asOf: bad }), failure("options/as-of", /^asOf: expected a date/));
    }
    for (const top of [0, -1, 1.5, Number.NaN, "3", 2 ** 32]) {
      assert.throws(() => r.recommend(customer, { asOf, top }), failure("options/top", /^top: expected an integer/));
    }
    for (const options of [null, 3, "web", [], new Map(), () => 1]) {
      assert.throws(() => r.recommend(customer, options), failure("options/type", /^options: expected an object/));
    }
    for (const call of [
      () => r.recommend(customer, { asOf, chanel: "WEB" }),
      () => r.recommend(customer, { as_of: asOf }),
      () => r.features(customer, { asOf, top: 3 }),
      () => r.observe(r.features(customer, { asOf }), { consents: true }),
    ]) {
      assert.throws(call, failure("options/unknown", /^unknown option .*; the options are /));
    }
    for (const options of [{ selftest: false }, { now: new Date(), key: "x" }]) {
      await assert.rejects(nextbest.Recommender.load(bundleBytes(), options), failure("options/unknown"));
    }
    await assert.rejects(nextbest.Recommender.load(bundleBytes(), { strict: "yes" }), failure("options/strict"));
    assert.throws(() => r.recommend(customer, { asOf, channel: 3 }), failure("options/channel", /^channel: expected a string, got 3/));
    const nothing = { asOf, top: null, explain: null, counterfactual: undefined, channel: null, strict: null };
    assert.deepEqual(r.recommend(customer, nothing), r.recommend(customer, { asOf }));
    const width = r.featureNames.length;
    assert.throws(() => r.scoreFeatures(new Float32Array(width + 1)), failure("row/length", new RegExp(`${width}`)));
    assert.throws(() => r.scoreFeatures(Array(width).fill(0)), failure("row/type"));
    assert.throws(() => r.scoreBatch(new Float32Array(width), 2), failure("row/length"));
    const rows = new Float32Array(2 * width);
    rows[width + 1] = -Infinity;
    const infinite = (row) => failure("row/infinite", new RegExp(`^row ${row}, feature \\W${r.featureNames[1]}\\W: .*got infinity`));
    assert.throws(() => r.scoreBatch(rows, 2), infinite(1));
    assert.throws(() => r.scoreFeatures(rows.slice(width)), infinite(0));
    assert.throws(() => r.contributions(rows.slice(width)), infinite(0));
    assert.throws(() => r.scoreBatch(new Float32Array(width), 0.5), failure("row/count"));
    assert.throws(() => r.scoreBatch([], 0), failure("row/type"));
    assert.equal(r.scoreBatch(new Float32Array(0), 0).length, 0);
    r.free();
  });

  test("contributions are the whole difference to the reference, for every class", async () => {
    const r = await load();
    const classes = r.classes.length;
    for (const { customer, asOf } of customers()) {
      const row = r.features(customer, { asOf });
      const { space, base, outputs, values } = r.contributions(row);
      assert.equal(values.length, row.length * classes);
      for (let at = 0; at < classes; at++) {
        let sum = base[at];
        for (let feature = 0; feature < row.length; feature++) sum += values[feature * classes + at];
        assert.ok(Math.abs(sum - outputs[at]) < 1e-6, `${r.classes[at]}: ${sum} instead of ${outputs[at]}`);
      }
      if (space === "probability") assert.ok(Math.abs(outputs.reduce((a, b) => a + b) - 1) < 1e-9);
    }
    assert.throws(() => r.contributions(new Float32Array(3)), failure("row/length"));
    r.free();
  });

  test("answers say why and why not, and what would change the first offer", async () => {
    const r = await load();
    let changed = 0;
    for (const { customer, asOf } of customers()) {
      const { offers, withheld, counterfactual } = r.recommend(customer, { asOf, top: 2, counterfactual: true });
      assert.equal(offers.length + withheld.length, r.products.length);
      for (const { factors, reasons, propensity } of offers) {
        assert.equal(propensity, 1);
        assert.equal(factors.priority, factors.probability * factors.value * factors.context * factors.lever);
        for (const { text, contribution, features } of reasons) {
          assert.ok(text.length > 3 && contribution > 0 && features.length > 0);
          const sum = features.reduce((total, part) => total + part.contribution, 0);
          assert.ok(Math.abs(sum - contribution) < 1e-4 * Math.max(1, contribution), `${text}: ${sum} and ${contribution}`);
        }
      }
      if (counterfactual === null) continue;
      changed += 1;
      assert.notEqual(counterfactual.product, offers[0]?.product);
      // What it says is true: the changed row has the other product before all that may be offered.
      const row = r.features(customer, { asOf });
      for (const { feature, to } of counterfactual.changes) row[r.featureNames.indexOf(feature)] = to;
      const probabilities = r.scoreFeatures(row);
      const of = (product) => probabilities[r.classes.indexOf(product)];
      const rivals = [...offers, ...withheld.filter(({ rule }) => rule === "rank")].map(({ product }) => product);
      assert.ok(rivals.every((product) => of(product) <= of(counterfactual.product)), counterfactual.product);
    }
    assert.ok(changed > 0, "no sample has a counterfactual");
    const { customer, asOf } = sample;
    assert.equal(r.recommend(customer, { asOf }).counterfactual, null, "not asked for");
    r.free();
  });

  test("a batch is its rows, bit for bit", async () => {
    const r = await load();
    const rows = customers().map(({ customer, asOf }) => r.features(customer, { asOf }));
    const width = r.featureNames.length;
    rows.push(new Float32Array(width).fill(Number.NaN), new Float32Array(width).fill(-3e38), new Float32Array(width).fill(3e38));
    const joined = new Float32Array(rows.length * width);
    rows.forEach((row, at) => joined.set(row, at * width));
    const bits = (floats) => [...new Uint32Array(floats.slice().buffer)];
    const batch = r.scoreBatch(joined, rows.length);
    const classes = r.classes.length;
    rows.forEach((row, at) => {
      const single = r.scoreFeatures(row);
      assert.deepEqual(bits(batch.slice(at * classes, (at + 1) * classes)), bits(single), `row ${at}`);
      assert.ok(Math.abs(single.reduce((sum, value) => sum + value, 0) - 1) < 1e-5, `row ${at} sums to 1`);
    });
    r.free();
  });

  test("probabilities are written where one says", async () => {
    const r = await load();
    const row = r.features(sample.customer, { asOf: sample.asOf });
    const into = new Float32Array(r.classes.length);
    assert.equal(r.scoreFeatures(row, into), into);
    assert.deepEqual(into, r.scoreFeatures(row));
    const length = failure("row/length", /^into: expected \d+ probabilities, got 1$/);
    assert.throws(() => r.scoreFeatures(row, new Float32Array(1)), length);
    assert.throws(() => r.scoreBatch(row, 1, []), failure("row/type", /^into:/));
    r.free();
  });

  test("large bundles are hashed by the platform, and by the engine where it can't", async (t) => {
    const bundle = large(bundleBytes());
    const digest = t.mock.method(crypto.subtle, "digest");
    (await nextbest.Recommender.load(bundle)).free();
    assert.equal(digest.mock.callCount(), 1);
    const damaged = bundle.slice();
    damaged[damaged.length >> 1] ^= 1;
    await assert.rejects(nextbest.Recommender.load(damaged), failure("bundle/hash-mismatch"));
    digest.mock.mockImplementation(() => Promise.reject(new Error("not here")));
    (await nextbest.Recommender.load(bundle)).free();
    await assert.rejects(nextbest.Recommender.load(damaged), failure("bundle/hash-mismatch"));
  });

  test("free gives the memory back, and says so afterwards", async () => {
    const spare = await load();
    const r = await load();
    r.free();
    r.free();
    assert.throws(() => r.recommend(sample.customer), failure("recommender/freed", /load the bundle again/));
    assert.equal(spare.scoreFeatures(new Float32Array(spare.featureNames.length)).length, spare.classes.length);
    spare.free();

    // Loading and freeing over and over must not grow the engine's memory without end.
    const { initSync } = await import(path.join(folder, "package/pkg/nextbest_wasm.js"));
    const { memory } = initSync();
    for (let warm = 0; warm < 5; warm += 1) (await load()).free();
    const before = memory.buffer.byteLength;
    for (let round = 0; round < 40; round += 1) {
      const again = await load();
      again.recommend(sample.customer, { asOf: sample.asOf });
      again.free();
    }
    assert.equal(memory.buffer.byteLength, before);
  });

  // Last: it replaces the instance under every model of the other tests.
  test("after a crash the call fails, and the next one works on a new instance", async () => {
    const r = await load();
    const other = await load();
    const freed = await load();
    const { customer, asOf } = sample;
    const expected = r.recommend(customer, { asOf });

    // No input is known to crash the engine, so this cuts the ground from under it: without memory to grow into and
    // with its allocator's state overwritten, the real module really traps.
    const { initSync } = await import(path.join(folder, "package/pkg/nextbest_wasm.js"));
    const crash = () => new Uint8Array(initSync().memory.buffer).fill(0xff);

    crash();
    assert.throws(() => r.recommend(customer, { asOf }), failure("engine/crashed", /restarted/));
    assert.deepEqual(r.recommend(customer, { asOf }), expected);
    freed.free();
    assert.deepEqual(other.recommend(customer, { asOf }), expected, "models of the old instance are loaded again");
    assert.deepEqual((await load()).recommend(customer, { asOf }), expected);

    crash();
    assert.throws(() => other.scoreFeatures(new Float32Array(other.featureNames.length)), failure("engine/crashed"));
    assert.deepEqual(r.recommend(customer, { asOf }), expected);
    r.free();
    other.free();
  });
});

/** Checks that what was thrown is the package's own error with this code, and a message that says something. */
function failure(code, pattern = /./) {
  return (error) => {
    assert.ok(error instanceof nextbest.NextbestError, `${error}`);
    assert.equal(error.name, "NextbestError");
    assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    return true;
  };
}

/** The bundle with a section more, of a tag that readers leave alone and so large that the platform hashes it. */
function large(bundle) {
  const content = bundle.subarray(0, -32);
  const section = Buffer.alloc(8 + (1 << 20), "PADD");
  section.writeUInt32LE(1 << 20, 4);
  const longer = Buffer.concat([content, section]);
  longer.writeUInt32LE(content.readUInt32LE(12) + 1, 12);
  return new Uint8Array(Buffer.concat([longer, createHash("sha256").update(longer).digest()]));
}
