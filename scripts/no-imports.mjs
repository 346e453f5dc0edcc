// Fails where a module imports anything: any host must be able to run it.
//   node scripts/no-imports.mjs MODULE.wasm
import { readFileSync } from "node:fs";

const file = process.argv[2];
const imports = WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(file)));
if (imports.length > 0) {
  console.error(`${file} imports ${imports.map(({ module, name }) => `${module}.${name}`).join(", ")}`);
  process.exit(1);
}
