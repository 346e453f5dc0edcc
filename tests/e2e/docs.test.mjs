// What the README shows, run as it stands: only the package and the bundle are taken from where they were built.

import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { built, bundleBytes, DIST } from "./support/artefacts.mjs";

test("the README's ten lines print three offers", async (context) => {
  const readme = readFileSync(path.join(import.meta.dirname, "../../README.md"), "utf8");
  const [, lines] = /```js\n(.*?)```/s.exec(readme) ?? assert.fail("the README has no JavaScript");
  const script = path.join(DIST, "readme-example.mjs");
  const from = JSON.stringify(built(DIST, "index.js"));
  writeFileSync(script, lines.replace('"nextbest"', from));
  context.after(() => rmSync(script));

  const bytes = bundleBytes();
  const fetched = context.mock.method(globalThis, "fetch", (url) => {
    assert.equal(url, "nextbest.bundle");
    return Promise.resolve(new Response(bytes));
  });
  const printed = context.mock.method(console, "log", () => {});
  await import(script);
  assert.equal(fetched.mock.callCount(), 1);
  const [offers] = printed.mock.calls[0].arguments;
  assert.equal(offers.length, 3);
  assert.ok(offers.every(({ product, probability }) => product !== "Current Account" && probability > 0));
});
