// Builds what web/ ships: the package (dist/*.js), the demo page (dist/demo) and the edge worker (dist/edge).
// It needs the engine in pkg/ and, for the page and the worker, the files that `nextbest export` writes.
//
//   node build.mjs [directory of nextbest.bundle and customers.json; default: ../outputs/bundle]

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { brotliCompressSync } from "node:zlib";
import { build } from "esbuild";

const WEB = import.meta.dirname;
const DIST = path.join(WEB, "dist");
const ENGINE = path.join(WEB, "pkg", "nextbest_wasm_bg.wasm");
const SCALAR_ENGINE = path.join(WEB, "pkg", "nextbest_wasm_scalar_bg.wasm");
const EXPORTED = path.resolve(process.argv[2] ?? path.join(WEB, "../outputs/bundle"));
const BUNDLE = path.join(EXPORTED, "nextbest.bundle");
const CUSTOMERS = path.join(EXPORTED, "customers.json");

/** @param {string} project a directory with a tsconfig.json */
function typescript(project) {
  const compiler = path.join(path.dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  execFileSync(process.execPath, [compiler, "-p", path.join(WEB, project)], { stdio: "inherit" });
}

/** One script with everything that it imports. */
function script(from, to, options = {}) {
  return build({
    absWorkingDir: WEB,
    entryPoints: [from],
    outfile: path.join(DIST, to),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    logLevel: "warning",
    ...options,
  });
}

function need(file, how) {
  if (existsSync(file)) return;
  console.error(`${path.relative(process.cwd(), file)} is missing: ${how}`);
  process.exit(1);
}

async function demo() {
  mkdirSync(path.join(DIST, "demo"), { recursive: true });
  for (const file of ["index.html", "style.css", "icon.svg"]) {
    cpSync(path.join(WEB, "demo", file), path.join(DIST, "demo", file));
  }
  for (const file of [ENGINE, SCALAR_ENGINE, BUNDLE]) cpSync(file, path.join(DIST, "demo", path.basename(file)));
  const customers = JSON.parse(readFileSync(CUSTOMERS, "utf8"));
  writeFileSync(path.join(DIST, "demo", "customers.json"), JSON.stringify(customers));
  await script("demo/app.ts", "demo/app.js");

  // The service worker goes last: it lists every other file with its hash.
  const names = readdirSync(path.join(DIST, "demo")).sort();
  const files = names.map((name) => ({ name, bytes: readFileSync(path.join(DIST, "demo", name)) }));
  // But for what hardly any browser needs: those that do, load it when it is asked for.
  const kept = files.filter(({ name }) => name !== path.basename(SCALAR_ENGINE));
  const assets = kept.map(({ name, bytes }) => ({
    url: name === "index.html" ? "./" : name,
    integrity: `sha256-${createHash("sha256").update(bytes).digest("base64")}`,
  }));
  const version = createHash("sha256").update(JSON.stringify(assets)).digest("hex").slice(0, 16);
  await script("demo/sw/sw.ts", "demo/sw.js", {
    format: "iife",
    define: { ASSETS: JSON.stringify(assets), VERSION: JSON.stringify(version) },
  });

  // What a web server sends in place of a file to a browser that takes it.
  for (const { name, bytes } of files) writeFileSync(path.join(DIST, "demo", `${name}.br`), brotliCompressSync(bytes));
}

async function edge() {
  mkdirSync(path.join(DIST, "edge"), { recursive: true });
  for (const file of [ENGINE, BUNDLE]) cpSync(file, path.join(DIST, "edge", path.basename(file)));
  // The runtime itself imports the module and the bundle; see `rules` in edge/wrangler.toml.
  await script("edge/worker.ts", "edge/worker.js", { external: ["*.wasm", "*.bundle"], minify: false });
}

need(ENGINE, "run `make wasm` first");
need(BUNDLE, "run `nextbest run` first");
need(CUSTOMERS, "run `nextbest run` first");
rmSync(DIST, { recursive: true, force: true });
for (const project of ["src", "demo", "demo/sw", "edge"]) typescript(project);
await demo();
await edge();
