// What the page claims about itself, measured: requests, bytes, time.

import { byId, element } from "./dom.js";
import { bytes, duration } from "./format.js";

const KINDS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["WebAssembly engine", /\.wasm$/],
  ["Model bundle", /\.bundle$/],
  ["Sample customers", /\.json$/],
  ["Page and script", /./],
];

/**
 * Counts every request that the browser reports from now on, and shows the count. Not counted is the page's icon, which
 * the browser fetches for its own tab, at a time of its choice after the page has loaded.
 */
export function countRequests(): void {
  const since = performance.now();
  const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]")?.href;
  const asked = (entry: PerformanceEntry): boolean =>
    entry.startTime > since &&
    !(entry.name === icon && (entry as PerformanceResourceTiming).initiatorType === "other");
  const shown = byId("requests", HTMLElement);
  let count = 0;
  shown.textContent = "0";
  new PerformanceObserver((list) => {
    count += list.getEntries().filter(asked).length;
    shown.textContent = String(count);
  }).observe({ type: "resource" });
}

/** Shows what has been loaded so far: over the network, and unpacked. */
export function showBytes(): void {
  const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const sums = KINDS.map(([name]) => ({ name, transferred: 0, size: 0 }));
  for (const entry of loaded as PerformanceResourceTiming[]) {
    const path = new URL(entry.name).pathname;
    const sum = sums[KINDS.findIndex(([, pattern]) => pattern.test(path))];
    if (!sum) continue;
    sum.transferred += entry.transferSize;
    sum.size += entry.decodedBodySize;
  }
  const total = sums.reduce((a, b) => ({ name: "Total", transferred: a.transferred + b.transferred, size: a.size + b.size }));
  const rows = [...sums, total].map(({ name, transferred, size }) =>
    element("tr", {},
      element("th", { scope: "row" }, name),
      element("td", {}, transferred > 0 ? bytes(transferred) : "0, kept here"),
      element("td", {}, bytes(size))));
  byId("bytes", HTMLElement).replaceChildren(...rows);
  byId("bytes-total", HTMLElement).textContent = bytes(total.size);
}

const SAMPLES = 9;
/** Browsers round their clock, to 0.1 ms or coarser, so a sample repeats the call until it lasts this long. */
const SAMPLE_MILLISECONDS = 3;
const QUIET_MILLISECONDS = 250;

let waiting: ReturnType<typeof setTimeout> | undefined;

/** Times a call while nobody types, and shows the median of several samples. */
export function timeWhenQuiet(call: () => void): void {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    const times = Array.from({ length: SAMPLES }, () => sample(call)).sort((a, b) => a - b);
    byId("time", HTMLElement).textContent = duration(times[SAMPLES >> 1] ?? 0);
  }, QUIET_MILLISECONDS);
}

function sample(call: () => void): number {
  const start = performance.now();
  let calls = 0;
  let elapsed = 0;
  do {
    call();
    calls += 1;
    elapsed = performance.now() - start;
  } while (elapsed < SAMPLE_MILLISECONDS);
  return elapsed / calls;
}
