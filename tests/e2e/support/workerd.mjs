import { readFileSync } from "node:fs";
import path from "node:path";
import { fromWeb } from "./artefacts.mjs";

const KINDS = { ".js": "ESModule", ".mjs": "ESModule", ".wasm": "CompiledWasm", ".bundle": "Data" };

/**
 * A worker made of these files, the first its entry point, in the real Workers runtime; to be disposed of. `more` are other options
 * of Miniflare's; `contents` has what stands in place of a file.
 */
export async function worker(root, files, bindings = {}, { contents = {}, ...more } = {}) {
  const { Miniflare } = fromWeb("miniflare");
  const runtime = new Miniflare({
    compatibilityDate: "2026-04-01",
    modulesRoot: root,
    bindings,
    ...more,
    modules: files.map((file) => ({
      type: KINDS[path.extname(file)],
      path: path.join(root, file),
      contents: contents[file] ?? readFileSync(path.join(root, file)),
    })),
  });
  await runtime.ready;
  return runtime;
}
