// FOLDER: asks about the cases in rows.json and customers.json in Node, in Chromium, in workerd, and the deployed worker with the raw
// JSON of bodies.json. The answers go to FOLDER/<door>-<file>.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { built, builtPackage, DIST } from "../e2e/support/artefacts.mjs";
import { chromium } from "../e2e/support/browser.mjs";
import { serve } from "../e2e/support/server.mjs";
import { worker } from "../e2e/support/workerd.mjs";
import { askAll } from "./ask.mjs";

const ROOT = path.resolve(import.meta.dirname, "../..");
const BUNDLES = { rows: "tests/fixtures/label.bundle", customers: "tests/fixtures/policy.bundle" };
const folder = process.argv[2];
const read = (name) => JSON.parse(readFileSync(path.join(folder, name), "utf8"));
const write = (door, name, answers) => writeFileSync(path.join(folder, `${door}-${name}.json`), JSON.stringify(answers));
const bundle = (name) => readFileSync(path.join(ROOT, BUNDLES[name]));
const endings = [];
const asked = { rows: read("rows.json"), customers: read("customers.json") };

try {
  await Promise.all([inNode(), inChromium(), inWorkerd(), atTheEdge()]);
} finally {
  for (const end of endings) await end();
}

async function inNode() {
  const nextbest = await builtPackage();
  for (const [name, cases] of Object.entries(asked)) write("node", name, await askAll(nextbest, bundle(name), cases));
}

async function inChromium() {
  const address = await serve({ after: (end) => endings.push(end) }, ROOT);
  const browser = await chromium();
  endings.unshift(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${address}web/demo/icon.svg`);
  for (const [name, cases] of Object.entries(asked)) {
    // As a text: what the page is handed as an object has no half surrogate pairs any more.
    const answers = await page.evaluate(async ([text, file]) => {
      const nextbest = await import("/web/dist/index.js");
      const { askAll } = await import("/tests/doors/ask.mjs");
      await nextbest.init();
      const bytes = await (await fetch(`/${file}`)).arrayBuffer();
      return JSON.stringify(await askAll(nextbest, bytes, JSON.parse(text)));
    }, [JSON.stringify(cases), BUNDLES[name]]);
    write("chromium", name, JSON.parse(answers));
  }
}

async function inWorkerd() {
  const scripts = readdirSync(built(DIST)).filter((name) => name.endsWith(".js"));
  const runtime = await worker(ROOT, [
    "tests/doors/ask-worker.mjs",
    "tests/doors/ask.mjs",
    ...scripts.map((name) => `web/dist/${name}`),
    "web/pkg/nextbest_wasm.js",
    "web/pkg/nextbest_wasm_bg.wasm",
    ...Object.values(BUNDLES),
  ]);
  endings.unshift(() => runtime.dispose());
  for (const [name, cases] of Object.entries(asked)) {
    const response = await runtime.dispatchFetch("http://worker/", { method: "POST", body: JSON.stringify(cases) });
    if (response.status !== 200) throw new Error(await response.text());
    write("workerd", name, await response.json());
  }
}

async function atTheEdge() {
  const files = ["worker.js", "nextbest_wasm_bg.wasm", "nextbest.bundle"];
  const contents = { "nextbest.bundle": bundle("customers") };
  const runtime = await worker(built(DIST, "edge"), files, {}, { contents });
  endings.unshift(() => runtime.dispose());
  const answers = [];
  for (const body of read("bodies.json")) {
    const headers = { "content-type": "application/json" };
    const response = await runtime.dispatchFetch("http://worker/recommend", { method: "POST", headers, body });
    const answer = await response.json();
    answers.push(response.status === 200 ? { answer } : { status: response.status, ...answer.error });
  }
  write("edge", "customers", answers);
}
