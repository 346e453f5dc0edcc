// What the README shows, run as it stands: only the package and the bundle are taken from where they were built.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { built, bundleBytes, DIST } from "./support/artefacts.mjs";

const ROOT = path.join(import.meta.dirname, "../..");
const DOCUMENTS = [
  "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "web/README.md", "tests/fuzz/README.md",
  ...readdirSync(path.join(ROOT, "docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
  ...readdirSync(path.join(ROOT, "examples")).map((name) => `examples/${name}/README.md`)
    .filter((document) => existsSync(path.join(ROOT, document))),
];

test("the documents name files that are there", () => {
  let named = 0;
  for (const document of DOCUMENTS) {
    const text = readFileSync(path.join(ROOT, document), "utf8");
    const inCode = text.matchAll(/`((?:core|native|wasm|web|tests|scripts|docs|examples)\/[\w./-]+)`/g);
    const linked = text.matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g);
    for (const [, file] of [...inCode, ...linked]) {
      // A recipe's new file, and what builds make.
      if (/NAME|^web\/(pkg|dist|node_modules)/.test(file)) continue;
      const places = [path.join(ROOT, file), path.join(ROOT, path.dirname(document), file)];
      assert.ok(places.some(existsSync), `${document}: ${file}`);
      named += 1;
    }
  }
  assert.ok(named > 150, `${named}`);
});

test("the README's ten lines print three offers", async (context) => {
  const readme = readFileSync(path.join(ROOT, "README.md"), "utf8");
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
