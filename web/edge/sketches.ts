// Sketches of customers' rows, for the bank's monitoring: those that browsers send are collected, and the worker makes its own
// of the requests whose customers agree. What is stored says how many rows lie in which cell, and not whose or from where.

import type { Customer, Recommendation, Recommender } from "nextbest";
import { readBytes } from "./body.js";
import { Refusal, refusalOf } from "./refusal.js";

/** The largest body that is read as a sketch. */
export const MAX_SKETCH_BYTES = 4096;

/** As many rows at least are in a sketch that the worker makes: fewer would only mean more objects. */
const ENOUGH_ROWS = 1000;

/** Longer than that no rate limit of the runtime lasts. */
const LIMIT_SECONDS = "60";

/** What the worker needs of an R2 bucket. */
export interface Bucket {
  put(key: string, bytes: Uint8Array): Promise<unknown>;
}

/** What the worker needs of a rate limit. */
export interface Limiter {
  limit(who: { key: string }): Promise<{ success: boolean }>;
}

export interface SketchSettings {
  /** Where sketches are stored; without it there are none. */
  readonly bucket: Bucket | undefined;
  /** How many an address may send; without it as many as it likes. */
  readonly limiter: Limiter | undefined;
  /** Goes on with work when the answer is under way. */
  afterwards(work: Promise<unknown>): void;
}

/** Checks and stores a sketch that somebody sends. */
export async function collect(
  request: Request,
  recommender: Recommender,
  { bucket, limiter }: SketchSettings,
): Promise<{ rows: number }> {
  if (!bucket) throw new Refusal(503, "worker/no-sketches", "no sketches are collected here");
  if (recommender.sketchRules === null) {
    throw new Refusal(503, "sketch/no-profile", "the bundle has no profile to count rows against");
  }
  try {
    await requireFewRequests(request, limiter);
    const bytes = await readBytes(request, "application/octet-stream", MAX_SKETCH_BYTES);
    return { rows: await store(bytes, recommender, bucket) };
  } catch (error) {
    const refusal = refusalOf(error);
    // What is refused can be counted in the logs.
    if (refusal.status < 500) console.warn(`${refusal.status} ${refusal.code}`);
    throw refusal;
  }
}

/** Counts the row of a customer who agrees, once the answer is under way; and stores the sketch when it is large enough. */
export function count(
  recommender: Recommender,
  customer: Customer,
  { asOf, stopped }: Recommendation,
  { bucket, afterwards }: SketchSettings,
): void {
  const rules = recommender.sketchRules;
  // Who objects to profiling is not scored, and so not counted.
  if (!bucket || rules === null || stopped !== null) return;
  const counted = async () => {
    await answered();
    recommender.observe(recommender.features(customer, { asOf }), { consent: true });
    if (recommender.observedRows >= Math.max(rules.minimumRows, ENOUGH_ROWS)) {
      await store(recommender.sketch(), recommender, bucket);
    }
  };
  afterwards(counted().catch((error: unknown) => console.error(`sketch: ${refusalOf(error).code}`)));
}

/** Stores a sketch under the day and its identity, so that the same one, sent twice, is one object. */
async function store(bytes: Uint8Array, recommender: Recommender, bucket: Bucket): Promise<number> {
  const { identity, merged, rows } = recommender.checkSketch(bytes);
  if (merged) throw new Refusal(422, "sketch/merged", "the sum of several sketches: send each by itself");
  const day = new Date().toISOString().slice(0, 10);
  await bucket.put(`${day}/${identity}.sk`, bytes);
  return rows;
}

// The address is what is counted by, in the limit's own memory: it is neither stored nor logged here.
async function requireFewRequests(request: Request, limiter: Limiter | undefined): Promise<void> {
  if (!limiter) return;
  const { success } = await limiter.limit({ key: request.headers.get("cf-connecting-ip") ?? "" });
  if (!success) {
    throw new Refusal(429, "request/rate", "too many sketches: try again later", { "retry-after": LIMIT_SECONDS });
  }
}

function answered(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
