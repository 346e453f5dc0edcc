// The built worker in workerd, the runtime that it is deployed to.

import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { built, builtPackage, bundleBytes, customers, DIST, withPolicy } from "./support/artefacts.mjs";
import { worker } from "./support/workerd.mjs";

const LIMIT = 1 << 20;

suite("the edge worker", () => {
  let runtime;
  const [sample] = customers();

  before(async () => {
    runtime = await worker(built(DIST, "edge"), ["worker.js", "nextbest_wasm_bg.wasm", "nextbest.bundle"]);
  });
  after(() => runtime?.dispose());

  const send = (path, init) => runtime.dispatchFetch(`https://edge.example${path}`, init);
  const post = (body, headers = { "content-type": "application/json" }) =>
    send("/recommend", { method: "POST", headers, body: typeof body === "object" ? JSON.stringify(body) : body });

  async function refused(response, status, code, pattern = /./) {
    assert.equal(response.status, status);
    assert.match(response.headers.get("content-type"), /^application\/json/);
    const { error, ...rest } = await response.json();
    assert.deepEqual(rest, {});
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
  }

  test("GET /health names the model", async () => {
    const { Recommender } = await builtPackage();
    const { modelVersion, contentHash } = await Recommender.load(bundleBytes());
    const response = await send("/health");
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { status: "ok", modelVersion, contentHash });
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal((await send("/health", { method: "HEAD" })).status, 200);
  });

  test("POST /recommend answers what Node computes, for each form of the body", async () => {
    const { Recommender } = await builtPackage();
    const recommender = await Recommender.load(bundleBytes());
    const { customer, asOf } = sample;
    for (const [body, options] of [
      [{ ...customer, asOf }, { asOf }],
      [{ customer, asOf, top: 1 }, { asOf, top: 1 }],
      [{ customer, asOf, top: 5, explain: false }, { asOf, top: 5, explain: false }],
    ]) {
      const response = await post(body);
      assert.equal(response.status, 200, await response.clone().text());
      const answer = await response.json();
      assert.ok(answer.offers.length > 0);
      assert.deepEqual(answer, recommender.recommend(customer, options));
    }
  });

  test("without asOf the moment is now", async () => {
    const response = await post(sample.customer);
    assert.equal(response.status, 200);
    const age = Date.now() - Date.parse(`${(await response.json()).asOf.replace(" ", "T")}Z`);
    assert.ok(age > -5000 && age < 120_000, `${age} ms ago`);
  });

  test("another method is refused with the ones that are allowed", async () => {
    const response = await send("/recommend");
    assert.equal(response.headers.get("allow"), "POST");
    await refused(response, 405, "request/method", /use POST/);
    await refused(await send("/health", { method: "DELETE" }), 405, "request/method", /use GET/);
  });

  test("an unknown path is not found", async () => {
    for (const path of ["/", "/recommend/1", "/__proto__", "/constructor"]) {
      await refused(await send(path), 404, "request/path", /POST \/recommend/);
    }
  });

  test("a body that is not JSON is malformed", async () => {
    for (const body of ["", "{", "customer", '{"customer": }', Buffer.from([0x22, 0xff, 0x22])]) {
      const response = await send("/recommend", { method: "POST", headers: { "content-type": "application/json" }, body });
      await refused(response, 400, "request/json");
    }
  });

  test("a wrong type is named by its path", async () => {
    const { customer, asOf } = sample;
    const wrong = { ...customer, transactions: [...customer.transactions, { TRANSACTIONAMOUNT: "abc" }] };
    const at = customer.transactions.length;
    for (const [body, code, pattern] of [
      [{ customer: wrong, asOf }, "customer/value", new RegExp(`^transactions\\[${at}\\]\\.TRANSACTIONAMOUNT: expected a number, got "abc"`)],
      [{ customer: 7 }, "customer/type", /^customer: expected an object, got 7/],
      [{}, "customer/type", /^customer: missing/],
      ["[]", "customer/type", /expected an object/],
      ["null", "customer/type", /expected an object/],
      ['"text"', "customer/type", /expected an object/],
      [{ customer, asOf: 7 }, "options/as-of", /^asOf: expected a date/],
      [{ customer, asOf: "soon" }, "options/as-of", /^asOf: expected a date such as .* got "soon"/],
      [{ customer, asOf, top: "3" }, "options/top", /^top: expected an integer/],
      [{ customer, asOf, top: 0 }, "options/top", /^top: expected an integer/],
      [{ customer, asOf, explain: 1 }, "options/explain", /^explain: expected true or false/],
      [{ customer, asOf, counterfactual: "no" }, "options/counterfactual", /^counterfactual: expected true or false/],
      [{ customer, asOf, channel: 7 }, "options/channel", /^channel: expected a string/],
      [{ customer, asOf, observe: "yes" }, "options/observe", /^observe: expected true/],
      [{ customer, asOf, chanel: "WEB" }, "options/unknown", /^there is neither an option nor a table "chanel": options asOf/],
      [{ ...customer, asOf, acounts: [] }, "options/unknown", /"acounts": .* tables customer, accounts/],
      [{ customer: { ...customer, acounts: [] }, asOf, strict: true }, "customer/unknown", /^acounts: .* did you mean accounts/],
    ]) {
      await refused(await post(body), 422, code, pattern);
    }
  });

  test("deep nesting is an answer, not a crash", async () => {
    const deep = `{"customer": {"DATEOFBIRTH": ${"[".repeat(200_000)}${"]".repeat(200_000)}}}`;
    await refused(await post(deep), 422, "customer/value", /^customer/);
    const ignored = `{"customer": {"customer": {}, "unknown": ${"[".repeat(200_000)}${"]".repeat(200_000)}}}`;
    assert.ok([200, 422].includes((await post(ignored)).status));
    assert.equal((await send("/health")).status, 200);
  });

  test("channel and counterfactual are the engine's own, and ids keep their digits", async (t) => {
    const { bytes, cases } = withPolicy();
    const files = ["worker.js", "nextbest_wasm_bg.wasm", "nextbest.bundle"];
    const other = await worker(built(DIST, "edge"), files, {}, { contents: { "nextbest.bundle": bytes } });
    t.after(() => other.dispose());
    const { Recommender } = await builtPackage();
    const recommender = await Recommender.load(bytes);
    const ask = (body) => other.dispatchFetch("https://edge.example/recommend", {
      method: "POST", headers: { "content-type": "application/json" }, body,
    });
    const [{ customer, asOf }] = cases;
    for (const options of [{ channel: "WEB" }, { channel: "BRANCH", counterfactual: true }, { top: null, channel: null }]) {
      const response = await ask(JSON.stringify({ customer, asOf, ...options }));
      assert.equal(response.status, 200, await response.clone().text());
      assert.deepEqual(await response.json(), recommender.recommend(customer, { asOf, ...options }));
    }
    for (let id = 2n ** 53n + 1n; id < 2n ** 53n + 40n; id += 2n) {
      const known = { ...customer, customer: { ...customer.customer, CUSTOMERID: id } };
      const body = JSON.stringify({ customer: known, asOf }, (_, value) => (typeof value === "bigint" ? `#${value}#` : value));
      const { arm } = await (await ask(body.replace(/"#(\d+)#"/, "$1"))).json();
      assert.equal(arm, recommender.recommend(known, { asOf }).arm);
    }
    const infinite = JSON.stringify({ customer, asOf }).replace(/("TRANSACTIONAMOUNT":)[^,}]+/, "$11e999");
    await refused(await ask(infinite), 422, "customer/value", /TRANSACTIONAMOUNT: expected a number, got Infinity/);
  });

  test("a body over the limit is refused by its declared and by its real length", async () => {
    const large = JSON.stringify({ customer: { customer: { NOTE: "x".repeat(LIMIT) } } });
    await refused(await post(large), 413, "request/too-large");

    // A stream declares no length. Its last chunk is the one too many: a sender that goes on would see the connection
    // closed before it reads the answer.
    const chunk = new Uint8Array(1 << 16).fill(0x20);
    let left = LIMIT / chunk.byteLength + 1;
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(chunk);
        left -= 1;
        if (left === 0) controller.close();
      },
    });
    const headers = { "content-type": "application/json" };
    await refused(await send("/recommend", { method: "POST", headers, body, duplex: "half" }), 413, "request/too-large");

    const fits = JSON.stringify({ ...sample.customer, asOf: sample.asOf }).padEnd(LIMIT, " ");
    assert.equal((await post(fits)).status, 200);
  });

  test("another media type is refused", async () => {
    const body = JSON.stringify(sample.customer);
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"]) {
      await refused(await post(body, { "content-type": type }), 415, "request/media-type", /application\/json/);
    }
    const charset = { "content-type": "Application/JSON; charset=utf-8" };
    assert.equal((await post(body, charset)).status, 200);
  });
});
