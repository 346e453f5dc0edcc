// What the tests run against: the built files, never the sources. A missing one fails the test that needs it.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "../../..");

export const WEB = path.join(ROOT, "web");
export const DIST = path.join(WEB, "dist");
const EXPORTED = path.join(ROOT, "outputs/bundle");
// The demo's customers, and those of odd-customers.json.
const PARITY = process.env.NEXTBEST_PARITY?.split(path.delimiter) ??
  ["parity.json", "parity-odd.json"].map((name) => path.join(EXPORTED, name));

/** The packages that web/package.json pins. */
export const fromWeb = createRequire(path.join(WEB, "package.json"));

/** The path of a built file or directory. */
export function built(...parts) {
  const file = path.join(...parts);
  if (!existsSync(file)) throw new Error(`${path.relative(ROOT, file)} is missing: run \`make demo-build test-e2e\``);
  return file;
}

export function bundleBytes() {
  return readFileSync(built(EXPORTED, "nextbest.bundle"));
}

/** The models that training did not choose: `[{ kind, bytes, cases }]`, cases as in `parityCases`. */
export function candidates() {
  const folder = built(ROOT, "outputs/models/candidates");
  return readdirSync(folder).map((name) => {
    const kind = path.basename(name, ".bundle");
    const cases = JSON.parse(readFileSync(built(EXPORTED, `parity-${kind}.json`), "utf8"));
    return { kind, bytes: readFileSync(path.join(folder, name)), cases };
  });
}

/** The demo's model with a policy that says everything that one can say: `{ bytes, cases }`. */
export function withPolicy() {
  const folder = built(ROOT, "outputs/policy/bundle");
  const cases = JSON.parse(readFileSync(path.join(folder, "parity.json"), "utf8"));
  return { bytes: readFileSync(path.join(folder, "nextbest.bundle")), cases };
}

/** The demo's model, which asks for rows to be randomised before they are counted. */
export function randomisedBytes() {
  return readFileSync(built(ROOT, "outputs/randomised/bundle/nextbest.bundle"));
}

/** The demo's customers: `[{ id, asOf, customer }]`. */
export function customers() {
  return JSON.parse(readFileSync(built(EXPORTED, "customers.json"), "utf8"));
}

/** What the native CLI computed: `[{ id, asOf, customer, features, probabilities, recommendation }]`. */
export function parityCases() {
  return PARITY.flatMap((file) => JSON.parse(readFileSync(built(file), "utf8")));
}

/** The built package, with its engine started. */
export async function builtPackage() {
  const nextbest = await import(built(DIST, "index.js"));
  await nextbest.init();
  return nextbest;
}
