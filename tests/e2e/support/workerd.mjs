import { readFileSync } from "node:fs";
import path from "node:path";
import { fromWeb } from "./artefacts.mjs";

const KINDS = { ".js": "ESModule", ".mjs": "ESModule", ".wasm": "CompiledWasm", ".bundle": "Data" };

/** A worker made of these files in the real Workers runtime; ends with the test. The first file is its entry point. */
export async function worker(test, root, files) {
  const { Miniflare } = fromWeb("miniflare");
  const runtime = new Miniflare({
    compatibilityDate: "2026-04-01",
    modulesRoot: root,
    modules: files.map((file) => ({
      type: KINDS[path.extname(file)],
      path: path.join(root, file),
      contents: readFileSync(path.join(root, file)),
    })),
  });
  test.after(() => runtime.dispose());
  await runtime.ready;
  return runtime;
}
