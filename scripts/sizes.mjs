// Prints the size of files in bytes: as they are, and as a web server would send them.
//   node scripts/sizes.mjs FILE…
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const row = (name, ...cells) => console.log(name.padEnd(28), ...cells.map((cell) => cell.padStart(10)));
const bytes = (count) => count.toLocaleString("en");

row("bytes", "raw", "gzip", "brotli");
for (const file of process.argv.slice(2)) {
  const raw = readFileSync(file);
  const gzip = gzipSync(raw, { level: 9 });
  row(basename(file), bytes(raw.length), bytes(gzip.length), bytes(brotliCompressSync(raw).length));
}
