// Prints the bytes of each file as a web server would send it, as JSON: node brotli.mjs FILE…

import { readFileSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";

console.log(JSON.stringify(process.argv.slice(2).map((file) => brotliCompressSync(readFileSync(file)).length)));
