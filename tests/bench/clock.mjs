// How the benches in V8 take time.

/** Milliseconds. */
export async function time(work) {
  const started = performance.now();
  // Not to wait where there is nothing to wait for: that takes longer than some rows do.
  const done = work();
  if (done instanceof Promise) await done;
  return performance.now() - started;
}

/** The time below which this share of them is. */
export function at(times, share) {
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length * share)];
}
