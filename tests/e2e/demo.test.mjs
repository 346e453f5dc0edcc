// The built demo page in Chromium, as a person uses it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, suite, test } from "node:test";
import { built, customers, DIST } from "./support/artefacts.mjs";
import { chromium } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

const READY = "html[data-state=ready]";
const KEPT = "#offline[data-ready]";

let browser;
before(async () => {
  browser = await chromium();
});
after(() => browser?.close());

suite("the demo page", () => {
  test("shows offers, probabilities, reasons and withheld products of every sample", async (t) => {
    const { page } = await open(t);
    const samples = customers();
    assert.equal(await page.locator("#sample option").count(), samples.length);
    const answers = new Set();
    let reasons = 0;
    for (const index of samples.keys()) {
      await page.selectOption("#sample", String(index));
      answers.add(await page.locator("#offers").innerText());
      const offers = await probabilities(page);
      const none = await page.locator("#none").innerText();
      assert.match(none, /%$/);
      assert.ok([...offers.values()].every((probability) => probability >= 0 && probability <= 100));
      const products = await page.locator("#held input").count();
      assert.equal(offers.size + (await withheld(page)).size, products, "every product is offered or withheld");
      // A customer from whom everything is withheld has no reasons either.
      const shown = await page.locator("#offers .reasons li").count();
      assert.ok(shown > 0 || offers.size === 0, "no reasons are shown");
      reasons += shown;
    }
    assert.ok(answers.size > 1, "all samples have the same offers");
    assert.ok(reasons > 0, "no reasons are shown");
  });

  test("withholds what the customer is too young for, and offers it again", async (t) => {
    const { page } = await open(t);
    await selectWith(page, "#age", 30);
    await page.fill("#age", "10");
    const young = await withheld(page);
    assert.ok([...young.values()].includes("minimum age"), `withheld at 10: ${[...young]}`);
    assert.equal(await page.inputValue("#age-slider"), "10");
    const gated = [...young].filter(([, rule]) => rule === "minimum age").map(([product]) => product);
    await page.fill("#age", "45");
    const grown = await withheld(page);
    for (const product of gated) {
      assert.notEqual(grown.get(product), "minimum age", `${product} is withheld at 45 for its minimum age`);
    }
  });

  test("an age out of range is marked and changes nothing", async (t) => {
    const { page } = await open(t);
    const before = await answer(page);
    await page.fill("#age", "400");
    assert.equal(await page.getAttribute("#age", "aria-invalid"), "true");
    assert.equal(await answer(page), before);
    await page.fill("#age", "40");
    assert.equal(await page.getAttribute("#age", "aria-invalid"), "false");
  });

  test("withholds a product as soon as it is held", async (t) => {
    const { page } = await open(t);
    await page.fill("#age", "45");
    const box = page.locator("[data-product=CREDIT_CARD]");
    if (await box.isChecked()) await box.uncheck();
    const before = await answer(page);
    assert.ok((await probabilities(page)).has("Credit Card"));
    await box.check();
    assert.equal((await withheld(page)).get("Credit Card"), "already owned");
    assert.ok(!(await probabilities(page)).has("Credit Card"));
    await box.uncheck();
    assert.equal(await answer(page), before, "switching back restores the answer");
  });

  test("the salary and the transactions change the probabilities", async (t) => {
    const { page } = await open(t);
    await selectWith(page, "#salary", 100);
    const original = await answer(page);
    await page.fill("#salary", "25000");
    assert.notEqual(await answer(page), original, "the salary has no effect");
    await page.click("#reset");
    assert.equal(await answer(page), original, "reset does not restore the answer");

    const shown = page.locator("#transactions li");
    const count = Number((await page.locator("#transaction-count").innerText()).match(/of (\d+)/)[1]);
    for (let more = 0; more < 40; more += 1) await page.click("#add");
    assert.match(await page.locator("#transaction-count").innerText(), new RegExp(`of ${count + 40},`));
    await shown.first().locator("[type=number]").fill("-90000");
    await shown.first().locator("select").selectOption("TRAVEL");
    assert.notEqual(await answer(page), original, "forty more transactions have no effect");
    await shown.first().locator("button").click();
    assert.match(await page.locator("#transaction-count").innerText(), new RegExp(`of ${count + 39},`));
  });

  test("requests nothing while it scores, and says so", async (t) => {
    const { page } = await open(t);
    await page.waitForSelector(KEPT);
    const requests = [];
    page.context().on("request", (request) => requests.push(request.url()));
    await page.fill("#age", "33");
    await page.fill("#salary", "4100");
    await page.locator("[data-product=HOME_LOAN]").click();
    await page.click("#add");
    await page.selectOption("#sample", "1");
    await page.waitForFunction(() => document.querySelector("#time").textContent.match(/ (ms|µs)$/));
    assert.deepEqual(requests, []);
    assert.equal(await page.locator("#requests").innerText(), "0");

    // The counter can count: a request made on purpose shows.
    await page.evaluate(() => fetch("icon.svg?probe").then((response) => response.text()));
    await page.waitForFunction(() => document.querySelector("#requests").textContent === "1");
  });

  test("may not talk to another address", async (t) => {
    const { page } = await open(t);
    const elsewhere = await serve(t, built(DIST, "demo"));
    const outcome = await page.evaluate((url) => fetch(url, { mode: "no-cors" }).then(() => "sent", () => "refused"), elsewhere);
    assert.equal(outcome, "refused");
  });

  test("shows what was loaded and which model answers", async (t) => {
    const { page } = await open(t);
    assert.match(await page.locator("#hash").innerText(), /^[0-9a-f]{64}$/);
    assert.notEqual(await page.locator("#version").innerText(), "–");
    const sizes = await page.locator("#bytes tr").allInnerTexts();
    assert.equal(sizes.length, 5);
    for (const line of sizes) assert.match(line, /\d (k|M)?B\s*$/, line);
  });

  test("works without a network once it is loaded", async (t) => {
    const { page, context } = await open(t);
    await page.waitForSelector(KEPT);
    const online = await answer(page);
    await context.setOffline(true);
    await page.reload();
    await page.waitForSelector(READY);
    assert.equal(await answer(page), online);
    await page.fill("#age", "10");
    assert.ok([...(await withheld(page)).values()].includes("minimum age"));
  });

  test("takes a new build only complete, and only when asked to", async (t) => {
    const site = mkdtempSync(path.join(tmpdir(), "nextbest-demo-"));
    t.after(() => rmSync(site, { recursive: true }));
    cpSync(built(DIST, "demo"), site, { recursive: true, filter: (file) => !file.endsWith(".br") });
    const { page } = await open(t, {}, site);
    await page.waitForSelector(KEPT);
    const pageWidth = () => page.evaluate(() => getComputedStyle(document.body).maxWidth);
    const original = await pageWidth();

    // A deployment that has got only half way: the new service worker is there, one of its files is not.
    const style = path.join(site, "style.css");
    const oldHash = sha256(style);
    const worker = path.join(site, "sw.js");
    const text = readFileSync(worker, "utf8");
    assert.ok(text.includes(oldHash));
    const newStyle = `${readFileSync(style, "utf8")}body { max-width: 123px }`;
    const newHash = createHash("sha256").update(newStyle).digest("base64");
    writeFileSync(worker, text.replace(oldHash, newHash).replace(/nextbest-/, "nextbest-2-"));
    const half = await page.evaluate(async () => {
      const registration = await navigator.serviceWorker.getRegistration();
      await registration.update();
      const { installing } = registration;
      await new Promise((settled) => {
        if (installing?.state !== "installing") settled();
        installing?.addEventListener("statechange", settled);
      });
      return { started: installing !== null, waiting: registration.waiting !== null };
    });
    assert.deepEqual(half, { started: true, waiting: false }, "half a build is kept");
    assert.equal(await page.locator("#update").isVisible(), false, "half a build is offered");
    assert.equal(await pageWidth(), original);

    // The rest arrives.
    writeFileSync(style, newStyle);
    await page.reload();
    await page.waitForSelector("#update:not([hidden])");
    assert.equal(await pageWidth(), original, "the running page changed by itself");
    await Promise.all([page.waitForEvent("load"), page.click("#update-now")]);
    await page.waitForSelector(READY);
    assert.equal(await pageWidth(), "123px");
  });

  test("works on a phone: nothing is wider than the screen", async (t) => {
    const { page } = await open(t, { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 360, `the page is ${width} pixels wide`);
    assert.ok(await page.locator("#peek").isVisible());
  });

  test("every field has a name for screen readers, and results are announced", async (t) => {
    const { page } = await open(t);
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll("input, select, button")]
        .filter((field) => {
          const labels = [...(field.labels ?? [])].map((label) => label.textContent).join("");
          return !(field.ariaLabel ?? labels ?? "").trim() && !field.textContent.trim();
        })
        .map((field) => field.outerHTML));
    assert.deepEqual(nameless, []);
    await page.waitForFunction(() => document.querySelector("#announcement").textContent.startsWith("Offers: "));
  });
});

/** The page, ready; the test fails if it ever logs an error. */
async function open(t, options = {}, directory = built(DIST, "demo")) {
  const address = await serve(t, directory);
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    // What a test provokes on purpose: the policy's refusal of another address.
    if (message.type() === "error" && !message.text().includes("Content Security Policy")) errors.push(message.text());
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(errors, [], "the page logged errors");
  });
  await page.goto(address);
  await page.waitForSelector(`${READY}, html[data-state=failed]`);
  assert.equal(await page.locator("#failure").isVisible(), false, await page.locator("#failure").textContent());
  return { page, context };
}

/** Everything that the engine answered, as it is shown. */
async function answer(page) {
  const parts = await Promise.all(["#offers", "#more", "#none", "#withheld"].map((id) => page.locator(id).innerText()));
  return parts.join("\n");
}

function sha256(file) {
  return createHash("sha256").update(readFileSync(file)).digest("base64");
}

async function selectWith(page, field, more) {
  for (const index of customers().keys()) {
    await page.selectOption("#sample", String(index));
    if (Number(await page.inputValue(field)) > more) return;
  }
  assert.fail(`no sample has more than ${more} in ${field}`);
}

/** Product → percentage shown, of what is offered. */
async function probabilities(page) {
  const offers = await page.locator("[data-offer]").evaluateAll((items) =>
    items.map((item) => [item.dataset.offer, item.querySelector(".probability").textContent]));
  return new Map(offers.map(([product, text]) => [product, Number.parseFloat(text.replace("<", ""))]));
}

/** Product → rule, of what is withheld. */
async function withheld(page) {
  const items = await page.locator("[data-withheld]").evaluateAll((found) =>
    found.map((item) => [item.dataset.withheld, item.querySelector(".rule").textContent]));
  return new Map(items);
}
