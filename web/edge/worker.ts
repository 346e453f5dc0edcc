// The entry point in the Workers runtime: what is deployed with the code, and nothing about requests.

import { init, Recommender } from "nextbest";
import { handle } from "./handler.js";
import type { Bucket, Limiter } from "./sketches.js";
import wasm from "./nextbest_wasm_bg.wasm";
import bundle from "./nextbest.bundle";

interface Environment {
  /** The text of a public key (PEM): the bundle is not used unless it signed it. */
  readonly PUBLIC_KEY?: string;
  /** Where sketches are stored; without it there are none. */
  readonly SKETCHES?: Bucket;
  /** How many sketches an address may send. */
  readonly SKETCH_LIMIT?: Limiter;
}

interface Context {
  /** Keeps the worker alive until then. */
  waitUntil(work: Promise<unknown>): void;
}

let loading: Promise<Recommender> | undefined;

// On the first request rather than at start-up: a start-up that throws takes the worker down without an answer,
// and a failed load is tried again at the next request.
function recommender({ PUBLIC_KEY }: Environment): Promise<Recommender> {
  loading ??= init(wasm)
    .then(() => Recommender.load(bundle, PUBLIC_KEY === undefined ? {} : { publicKey: PUBLIC_KEY }))
    .catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
  return loading;
}

export default {
  fetch: (request: Request, environment: Environment, context: Context): Promise<Response> =>
    handle(request, {
      load: () => recommender(environment),
      bucket: environment.SKETCHES,
      limiter: environment.SKETCH_LIMIT,
      afterwards: (work) => context.waitUntil(work),
    }),
};
