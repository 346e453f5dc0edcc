// A bundle that was signed natively is verified by the platform: in Node, in Chromium and in workerd.

import assert from "node:assert/strict";
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite, test } from "node:test";
import { built, builtPackage, bundleBytes, DIST } from "./support/artefacts.mjs";
import { chromium } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";
import { changed, expected, rehashed, verifyAll } from "./support/trust.mjs";
import { worker } from "./support/workerd.mjs";

const ROOT = path.resolve(import.meta.dirname, "../..");
const BUNDLE = "outputs/trust/bundle/nextbest.bundle";

const bytes = () => new Uint8Array(readFileSync(built(ROOT, BUNDLE)));
const key = readFileSync(built(ROOT, "outputs/trust/keys/nextbest.public.pem"), "utf8");
const otherKey = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" });

/** As `nextbest keygen` prints it. */
const fingerprint = createHash("sha256")
  .update(createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-32))
  .digest("hex")
  .slice(0, 16);

suite("a signed bundle", () => {
  test("is signed as the standard says, by Node's own cryptography", () => {
    const bundle = bytes();
    const section = bundle.length - 32 - 104;
    assert.equal(Buffer.from(bundle.subarray(section, section + 4)).toString(), "SIGN");
    assert.ok(verify(null, bundle.subarray(0, section), key, bundle.subarray(section + 40, section + 104)));
    // Signatures are deterministic, so Node makes the very same one.
    const privateKey = readFileSync(built(ROOT, "outputs/trust/keys/nextbest.private.pem"), "utf8");
    const signature = sign(null, bundle.subarray(0, section), privateKey);
    assert.deepEqual(signature, Buffer.from(bundle.subarray(section + 40, section + 104)));
  });

  test("is verified in Node", async () => {
    assert.deepEqual(await verifyAll(await builtPackage(), bytes(), key, otherKey), expected(fingerprint));
  });

  test("is verified in Chromium", async (t) => {
    const address = await serve(t, ROOT);
    const browser = await chromium();
    t.after(() => browser.close());
    const page = await browser.newPage();
    await page.goto(`${address}web/demo/icon.svg`);
    const said = await page.evaluate(async ([file, key, otherKey]) => {
      const nextbest = await import("/web/dist/index.js");
      const { verifyAll } = await import("/tests/e2e/support/trust.mjs");
      await nextbest.init();
      const bytes = new Uint8Array(await (await fetch(`/${file}`)).arrayBuffer());
      return verifyAll(nextbest, bytes, key, otherKey);
    }, [BUNDLE, key, otherKey]);
    assert.deepEqual(said, expected(fingerprint));
  });

  test("is verified in workerd", async (t) => {
    const scripts = readdirSync(built(DIST)).filter((name) => name.endsWith(".js"));
    const runtime = await worker(ROOT, [
      "tests/e2e/support/trust-worker.mjs",
      "tests/e2e/support/trust.mjs",
      ...scripts.map((name) => `web/dist/${name}`),
      "web/pkg/nextbest_wasm.js",
      "web/pkg/nextbest_wasm_bg.wasm",
      BUNDLE,
    ]);
    t.after(() => runtime.dispose());
    const response = await runtime.dispatchFetch("http://worker/", {
      method: "POST",
      body: JSON.stringify({ key, otherKey }),
    });
    assert.equal(response.status, 200, await response.clone().text());
    assert.deepEqual(await response.json(), expected(fingerprint));
  });

  test("takes a CryptoKey, and only one for this", async () => {
    const { Recommender } = await builtPackage();
    const spki = createPublicKey(key).export({ type: "spki", format: "der" });
    const imported = (extractable) => crypto.subtle.importKey("spki", spki, "Ed25519", extractable, ["verify"]);
    assert.equal((await Recommender.load(bytes(), { publicKey: await imported(true) })).signedBy, fingerprint);
    const { publicKey: other } = await crypto.subtle.generateKey("X25519", true, ["deriveBits"]);
    for (const publicKey of [await imported(false), other]) {
      await assert.rejects(Recommender.load(bytes(), { publicKey }), { code: "options/public-key" });
    }
  });

  test("no byte can be changed", async () => {
    const { Recommender } = await builtPackage();
    const bundle = bytes();
    for (let at = 0; at < bundle.length; at += 97) {
      await assert.rejects(Recommender.load(changed(bundle, at), { publicKey: key }), /NextbestError/, `byte ${at}`);
      const refused = await Recommender.load(await rehashed(changed(bundle, at)), { publicKey: key }).then(
        () => "accepted",
        ({ code }) => code,
      );
      // With a hash made anew, a change of the hash itself is none.
      if (at < bundle.length - 32) assert.match(refused, /^bundle\/(magic|signature|unsigned|other-key)$/, `byte ${at}`);
    }
  });

  test("is refused where the platform can't verify it", async (t) => {
    const { Recommender } = await builtPackage();
    const refused = () => assert.rejects(Recommender.load(bytes(), { publicKey: key }), { code: "platform/ed25519" });
    t.mock.method(crypto.subtle, "importKey", () => Promise.reject(new DOMException("no", "NotSupportedError")));
    await refused();
    t.mock.restoreAll();
    t.mock.getter(globalThis.crypto, "subtle", () => undefined);
    await refused();
    t.mock.restoreAll();
    assert.equal((await Recommender.load(bytes(), { publicKey: key })).signedBy, fingerprint);
  });

  test("is not even read before it is verified", async () => {
    const { Recommender } = await builtPackage();
    // Nobody signed this one, and it would crash into a different error inside the engine.
    await assert.rejects(Recommender.load(bundleBytes(), { publicKey: key }), { code: "bundle/unsigned" });
    await assert.rejects(Recommender.load(bundleBytes().subarray(0, 500), { publicKey: key }), { code: "bundle/unsigned" });
  });

  test("after a crash it is checked again", async () => {
    const { Recommender } = await builtPackage();
    const { initSync } = await import(path.join(ROOT, "web/pkg/nextbest_wasm.js"));
    const crash = () => new Uint8Array(initSync().memory.buffer).fill(0xff);
    const row = { AGE: 40 };
    const crashed = (r) => {
      crash();
      assert.throws(() => r.scoreRow(row), { code: "engine/crashed" });
    };

    const now = new Date("2026-07-01");
    const r = await Recommender.load(bytes(), { publicKey: key, now });
    const answer = r.scoreRow(row, { asOf: "2026-07-01" });
    now.setFullYear(2200);
    crashed(r);
    assert.deepEqual(r.scoreRow(row, { asOf: "2026-07-01" }), answer, "the moment is the one that was given");

    // The caller's bytes are not those that were verified, whatever is written to them.
    const mine = bytes();
    const verified = await Recommender.load(mine, { publicKey: key });
    mine.fill(0);
    crashed(verified);
    assert.deepEqual(verified.scoreRow(row, { asOf: "2026-07-01" }), answer);

    // Without a key they are kept as they are, and a change is noticed, though its hash is right.
    const kept = bytes();
    const loose = await Recommender.load(kept);
    kept.set(await rehashed(changed(kept, kept.length - 40)));
    crashed(loose);
    assert.throws(() => loose.scoreRow(row), { code: "bundle/hash-mismatch" });
  });

  test("says when it may be used", async () => {
    const { Recommender } = await builtPackage();
    const { validity, signedBy } = await Recommender.load(bytes(), { publicKey: key });
    assert.deepEqual(validity, { number: 7, notBefore: new Date("2026-01-01"), expires: new Date("2100-01-01") });
    assert.equal(signedBy, fingerprint);
    const plain = await Recommender.load(bundleBytes());
    assert.deepEqual(plain.validity, { number: 0, notBefore: null, expires: null });
    assert.equal(plain.signedBy, null);
  });
});

suite("the edge worker with a public key", () => {
  const start = (PUBLIC_KEY) =>
    worker(built(DIST, "edge"), ["worker.js", "nextbest_wasm_bg.wasm", "nextbest.bundle"], { PUBLIC_KEY });

  test("answers nothing by a bundle that it did not sign", async (t) => {
    for (const [publicKey, code] of [[key, "bundle/unsigned"], ["", "options/public-key"]]) {
      const runtime = await start(publicKey);
      t.after(() => runtime.dispose());
      const response = await runtime.dispatchFetch("https://edge.example/health");
      assert.equal(response.status, 503);
      assert.equal((await response.json()).error.code, code);
    }
  });
});
