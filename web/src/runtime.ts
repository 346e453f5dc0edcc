// The one WebAssembly instance behind every Recommender: starting it, and starting it again after a crash.
//
// The generated glue keeps a single instance in module-level variables, and a trap (or an exception that unwinds
// through wasm frames) leaves that instance's stack and borrows in an unknown state for ever. So after any disorderly
// end we replace the instance and count up `generation`; an Engine of an earlier generation must never be touched
// again, not even freed, because its pointer would be read in the new instance's memory.

import { __wbg_reset_state as replaceInstance, initSync } from "../pkg/nextbest_wasm.js";
import { NextbestError, returnedByEngine } from "./errors.js";

/**
 * Where the WebAssembly module comes from:
 * a compiled module (edge runtimes import one), its bytes, a `Response` that carries it, or its address.
 */
export type ModuleSource = WebAssembly.Module | ArrayBuffer | Uint8Array<ArrayBuffer> | Response | URL;

let starting: Promise<void> | undefined;
let generation = 0;

/**
 * Starts the WebAssembly module. Call it once, before `Recommender.load`; later calls wait for the first and do
 * nothing more, and after a failure it can be called again.
 *
 * Without an argument the module is read from the file of `engineFile()` beside the package: fetched in a browser, Deno
 * or Bun, read from disk in Node. Edge runtimes that forbid compiling (Cloudflare Workers) pass the
 * `WebAssembly.Module` that they imported.
 *
 * @throws NextbestError `init/fetch` when the module cannot be read, `init/compile` when it is not one.
 */
export function init(source?: ModuleSource | Promise<ModuleSource>): Promise<void> {
  starting ??= start(source).catch((error: unknown) => {
    starting = undefined;
    throw error;
  });
  return starting;
}

/**
 * Which of the package's two WebAssembly files this runtime can compile: both give the same bits, and the one with vectors
 * (simd128: Chrome 91, Firefox 89, Safari 16.4, Node 16.4, workerd) scores batches two to ten times as fast. For pages that serve
 * the files from an address of their own.
 */
export function engineFile(): "nextbest_wasm_bg.wasm" | "nextbest_wasm_scalar_bg.wasm" {
  return hasVectors() ? "nextbest_wasm_bg.wasm" : "nextbest_wasm_scalar_bg.wasm";
}

// Whether a module with a function that counts the bits of a vector is one.
function hasVectors(): boolean {
  const module = [
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
  ];
  return WebAssembly.validate(new Uint8Array(module));
}

async function start(source: ModuleSource | Promise<ModuleSource> | undefined): Promise<void> {
  // Written out twice, since bundlers look for just this.
  const given =
    (await source) ??
    (hasVectors()
      ? new URL("../pkg/nextbest_wasm_bg.wasm", import.meta.url)
      : new URL("../pkg/nextbest_wasm_scalar_bg.wasm", import.meta.url));
  const module = await compile(given);
  initSync({ module });
  generation += 1;
}

async function compile(source: ModuleSource): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  try {
    if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return await WebAssembly.compile(source);
    const response = source instanceof URL ? await read(source) : source;
    // Asked first, since Node loads all of its network client to tell what a Response is.
    if (ArrayBuffer.isView(response) || !(response instanceof Response)) return await WebAssembly.compile(response);
    if (!response.ok) {
      throw new NextbestError("init/fetch", `${response.url || "the module"}: the server answered ${response.status}`);
    }
    // Streaming insists on the media type; many static servers send another one.
    const streams = response.headers.get("content-type")?.split(";")[0]?.trim() === "application/wasm";
    return streams
      ? await WebAssembly.compileStreaming(response)
      : await WebAssembly.compile(await response.arrayBuffer());
  } catch (cause) {
    if (cause instanceof NextbestError) throw cause;
    throw new NextbestError("init/compile", `not a WebAssembly module that this runtime accepts: ${cause}`, { cause });
  }
}

async function read(url: URL): Promise<Response | Uint8Array<ArrayBuffer>> {
  try {
    const files = url.protocol === "file:" ? nodeFiles() : undefined;
    return files ? await files.readFile(url) : await fetch(url);
  } catch (cause) {
    throw new NextbestError("init/fetch", `${url}: cannot be read: ${cause}`, { cause });
  }
}

interface NodeFiles {
  readFile(url: URL): Promise<Uint8Array<ArrayBuffer>>;
}

// Node's fetch does not read file: addresses. Asking `process` rather than importing "node:fs" keeps bundlers for the
// browser from looking for a module that is not there.
function nodeFiles(): NodeFiles | undefined {
  const host = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } };
  return host.process?.getBuiltinModule?.("node:fs/promises") as NodeFiles | undefined;
}

/** @internal The instance that is alive now; `0` before `init`. */
export function currentGeneration(): number {
  return generation;
}

/**
 * @internal
 * Runs one call into the engine. An error that the engine returned comes out as it is, as a `NextbestError`; after
 * any other end the instance is replaced, and the error is `engine/crashed`.
 */
export function guarded<T>(call: () => T): T {
  if (generation === 0) {
    throw new NextbestError("init/missing", "the WebAssembly module is not started: await init() first");
  }
  try {
    return call();
  } catch (thrown) {
    const returned = returnedByEngine(thrown);
    if (returned) throw returned;
    generation += 1;
    replaceInstance();
    throw new NextbestError("engine/crashed", `the engine crashed and has been restarted: ${thrown}`, {
      cause: thrown,
    });
  }
}
