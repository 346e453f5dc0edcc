// The edge worker collects sketches and makes some of its own: in workerd, with a bucket and a rate limit.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { built, builtPackage, bundleBytes, customers, DIST, randomisedBytes, withPolicy } from "./support/artefacts.mjs";
import { parts, sealed } from "./support/sketch.mjs";
import { worker } from "./support/workerd.mjs";

const LIMIT = 4096;
const MOST_ROWS = 65_535;
/** So many rows the worker collects before it stores a sketch of its own. */
const ENOUGH_ROWS = 1000;

const { Recommender } = await builtPackage();

/** @returns what a test needs of a worker with this bundle, which `options` of Miniflare's give a bucket, a limit, …. */
async function start(options, bundle = bundleBytes()) {
  const logs = [];
  const files = ["worker.js", "nextbest_wasm_bg.wasm", "nextbest.bundle"];
  const runtime = await worker(built(DIST, "edge"), files, {}, {
    ...options,
    contents: { "nextbest.bundle": bundle },
    structuredWorkerLogs: true,
    handleStructuredLogs: ({ level, message }) => {
      logs.push(`${level} ${message}`);
    },
  });
  return {
    runtime,
    logs,
    send: (body, headers = {}) =>
      runtime.dispatchFetch("https://edge.example/sketch", {
        method: "POST",
        headers: { "content-type": "application/octet-stream", ...headers },
        body,
        ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
      }),
    recommend: (body) =>
      runtime.dispatchFetch("https://edge.example/recommend", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    bucket: await runtime.getR2Bucket("SKETCHES").catch(() => undefined),
  };
}

/** A sketch of so many rows. */
async function sketchOf(bundle, rows) {
  const recommender = await Recommender.load(bundle);
  const [{ customer, asOf }] = customers();
  const row = recommender.features(customer, { asOf });
  for (let at = 0; at < rows; at += 1) recommender.observe(row, { consent: true });
  const sketch = recommender.sketch();
  recommender.free();
  return sketch;
}

async function refused(response, status, code, pattern = /./) {
  assert.equal(response.status, status);
  const { error, ...rest } = await response.json();
  assert.deepEqual(rest, {});
  assert.equal(error.code, code);
  assert.match(error.message, pattern);
}

const keys = async (bucket) => (await bucket.list()).objects.map(({ key }) => key);

/** Waits for what the worker does after its answers. */
async function eventually(holds) {
  for (let tries = 0; tries < 100 && !(await holds()); tries += 1) await sleep(50);
  assert.ok(await holds(), `${holds}`);
}

suite("POST /sketch", () => {
  let edge;
  before(async () => {
    edge = await start({ r2Buckets: ["SKETCHES"] });
  });
  after(() => edge?.runtime.dispose());

  test("stores a sketch under its day and identity, as it came, and once if it comes twice", async () => {
    const sketch = await sketchOf(bundleBytes(), 20);
    const days = [new Date().toISOString().slice(0, 10)];
    for (let times = 0; times < 2; times += 1) {
      const response = await edge.send(sketch, { "cf-connecting-ip": "203.0.113.7" });
      assert.equal(response.status, 202);
      assert.deepEqual(await response.json(), { rows: 20 });
      assert.equal(response.headers.get("cache-control"), "no-store");
    }
    days.push(new Date().toISOString().slice(0, 10));
    const stored = await keys(edge.bucket);
    // Or two, if midnight is in between.
    assert.equal(stored.length, new Set(days).size);
    assert.ok(days.some((day) => stored[0] === `${day}/${parts(sketch).identity}.sk`), stored[0]);
    const object = await edge.bucket.get(stored[0]);
    assert.deepEqual(new Uint8Array(await object.arrayBuffer()), sketch);
    // Nothing is kept of the sender.
    assert.deepEqual([object.customMetadata, object.httpMetadata], [{}, {}]);
    assert.deepEqual(edge.logs, []);
    assert.deepEqual(await (await edge.send(await sketchOf(bundleBytes(), 21))).json(), { rows: 21 });
    assert.equal((await keys(edge.bucket)).length, stored.length + 1);
  });

  test("takes the largest sketch that there is", async () => {
    const response = await edge.send(await sketchOf(bundleBytes(), MOST_ROWS));
    assert.deepEqual([response.status, await response.json()], [202, { rows: MOST_ROWS }]);
  });

  test("refuses what is no sketch of this bundle, stores nothing of it and logs the code alone", async () => {
    const before = await keys(edge.bucket);
    const logged = edge.logs.length;
    const sketch = await sketchOf(bundleBytes(), 20);
    const changed = (at, by) => Uint8Array.from(sketch, (byte, index) => (index === at ? byte + by : byte));
    const cases = [
      [changed(50, 1), 422, "sketch/damaged"],
      [sketch.subarray(0, 100), 422, "sketch/damaged"],
      ["a customer's secret", 422, "sketch/magic"],
      ["", 422, "sketch/magic"],
      [await sealed(changed(30, 1)), 422, "sketch/counts", /impossible counts/],
      [await sealed(changed(sketch.length - 9, 1)), 422, "sketch/counts"],
      [await sealed(changed(5, 2)), 422, "sketch/merged", /each by itself/],
      [await sketchOf(randomisedBytes(), 20), 422, "sketch/other-bundle"],
      [new Uint8Array(LIMIT), 422, "sketch/magic"],
      [new Uint8Array(LIMIT + 1), 413, "request/too-large", /4096 bytes/],
      [streamed(LIMIT + 1), 413, "request/too-large", /4096 bytes/],
    ];
    for (const [body, status, code, pattern] of cases) {
      await refused(await edge.send(body, { "cf-connecting-ip": "203.0.113.7" }), status, code, pattern);
    }
    await eventually(() => edge.logs.length >= logged + cases.length);
    const expected = cases.map(([, status, code]) => `warn ${status} ${code}`);
    assert.deepEqual(edge.logs.slice(logged), expected);
    assert.deepEqual(await keys(edge.bucket), before);
  });

  test("refuses other media types and methods", async () => {
    const sketch = await sketchOf(bundleBytes(), 20);
    for (const type of ["application/json", "text/plain", "application/octet-streams"]) {
      await refused(await edge.send(sketch, { "content-type": type }), 415, "request/media-type", /application\/octet-stream$/);
    }
    assert.equal((await edge.send(sketch, { "content-type": "Application/Octet-Stream; x=y" })).status, 202);
    const response = await edge.runtime.dispatchFetch("https://edge.example/sketch");
    assert.equal(response.headers.get("allow"), "POST");
    await refused(response, 405, "request/method");
  });
});

suite("POST /sketch elsewhere", () => {
  async function started(t, options, bundle) {
    const edge = await start(options, bundle);
    t.after(() => edge.runtime.dispose());
    return edge;
  }

  test("without a bucket there are no sketches", async (t) => {
    const edge = await started(t, {});
    await refused(await edge.send(await sketchOf(bundleBytes(), 20)), 503, "worker/no-sketches");
    const [{ customer, asOf }] = customers();
    assert.equal((await edge.recommend({ customer, asOf, observe: true })).status, 200);
  });

  test("without a profile there are none either", async (t) => {
    const bundle = readFileSync(path.join(import.meta.dirname, "../fixtures/bank.bundle"));
    const edge = await started(t, { r2Buckets: ["SKETCHES"] }, bundle);
    await refused(await edge.send(new Uint8Array(100)), 503, "sketch/no-profile");
    const [{ customer, asOf }] = customers();
    assert.equal((await edge.recommend({ customer: { customer: customer.customer }, asOf, observe: true })).status, 200);
    await sleep(200);
    assert.deepEqual(edge.logs, ["error 503 sketch/no-profile"]);
  });

  test("randomised sketches are taken, of single rows too", async (t) => {
    const edge = await started(t, { r2Buckets: ["SKETCHES"] }, randomisedBytes());
    const response = await edge.send(await sketchOf(randomisedBytes(), 1));
    assert.deepEqual([response.status, await response.json()], [202, { rows: 1 }]);
    await refused(await edge.send(await sketchOf(bundleBytes(), 20)), 422, "sketch/other-bundle");
  });

  test("who sends too many is told to wait, and others are not", async (t) => {
    const ratelimits = { SKETCH_LIMIT: { simple: { limit: 3, period: 60 } } };
    const edge = await started(t, { r2Buckets: ["SKETCHES"], ratelimits });
    const sketch = await sketchOf(bundleBytes(), 20);
    const from = (address) => edge.send(sketch, { "cf-connecting-ip": address });
    // The limit counts by the minutes of the clock: a second one may begin here, but no third.
    const answers = [];
    for (let times = 0; times < 7; times += 1) answers.push(await from("203.0.113.7"));
    const statuses = answers.map(({ status }) => status);
    assert.deepEqual([...new Set(statuses)].sort(), [202, 429], `${statuses}`);
    assert.deepEqual(statuses.slice(0, 3), [202, 202, 202]);
    const late = answers.find(({ status }) => status === 429);
    assert.equal(late.headers.get("retry-after"), "60");
    await refused(late, 429, "request/rate", /try again later/);
    assert.equal((await from("203.0.113.8")).status, 202);
    await eventually(() => edge.logs.length > 0);
    assert.ok(edge.logs.every((line) => line === "warn 429 request/rate"), `${edge.logs}`);
  });
});

test("POST /recommend counts those who agree, and stores a sketch when it has a thousand", async (t) => {
  const { bytes: bundle, cases } = withPolicy();
  const edge = await start({ r2Buckets: ["SKETCHES"] }, bundle);
  t.after(() => edge.runtime.dispose());
  const recommender = await Recommender.load(bundle);
  const stopped = ({ customer, asOf }) => recommender.recommend(customer, { asOf }).stopped !== null;
  const objecting = cases.filter(stopped);
  const scored = cases.filter((it) => !stopped(it));
  assert.ok(objecting.length > 0 && scored.length > 0);

  for (const observe of [1, "true", "yes", {}, [], 0]) {
    const { customer, asOf } = scored[0];
    await refused(await edge.recommend({ customer, asOf, observe }), 422, "options/observe", /^observe: expected true/);
  }

  const ask = async (asked, count, more) => {
    for (let done = 0; done < count; done += 50) {
      const together = Array.from({ length: Math.min(50, count - done) }, async (_, at) => {
        const { customer, asOf } = asked[(done + at) % asked.length];
        const response = await edge.recommend({ customer, asOf, top: 1, explain: false, ...more });
        assert.equal(response.status, 200, await response.text());
      });
      await Promise.all(together);
    }
  };
  // None of these is counted, or the others, which are one too few, would be enough.
  for (const observe of [undefined, null, false]) await ask(scored, 5, { observe });
  await ask(objecting, 5, { observe: true });
  await ask(scored, ENOUGH_ROWS - 1, { observe: true });
  await sleep(300);
  assert.deepEqual(await keys(edge.bucket), []);

  const { customer, asOf } = scored[(ENOUGH_ROWS - 1) % scored.length];
  const response = await edge.recommend({ ...customer, asOf, observe: true });
  assert.deepEqual(await response.json(), recommender.recommend(customer, { asOf }), "the answer is the same");
  await eventually(async () => (await keys(edge.bucket)).length > 0);
  const [key, ...others] = await keys(edge.bucket);
  assert.deepEqual(others, []);
  const stored = new Uint8Array(await (await edge.bucket.get(key)).arrayBuffer());
  const { rows, identity } = recommender.checkSketch(stored);
  assert.equal(rows, ENOUGH_ROWS);
  assert.match(key, new RegExp(`^\\d{4}-\\d\\d-\\d\\d/${identity}\\.sk$`));

  // It is the sketch of just these rows.
  for (let at = 0; at < ENOUGH_ROWS; at += 1) {
    const it = scored[at % scored.length];
    recommender.observe(recommender.features(it.customer, { asOf: it.asOf }), { consent: true });
  }
  assert.deepEqual(parts(stored).counts, parts(recommender.sketch()).counts);
  assert.deepEqual(edge.logs, []);
});

/** So many bytes, which declare no length: the last is the one too many. */
function streamed(count) {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(count - 1));
      controller.enqueue(new Uint8Array(1));
      controller.close();
    },
  });
}
