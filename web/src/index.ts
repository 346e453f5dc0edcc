/**
 * `nextbest`: which banking product a customer will take next, computed where the customer's data is.
 *
 * ```ts
 * import { init, Recommender } from "nextbest";
 *
 * await init();
 * const bundle = await (await fetch("nextbest.bundle")).arrayBuffer();
 * const recommender = await Recommender.load(bundle);
 * const { offers, withheld } = recommender.recommend(customer, { asOf: "2026-04-01", top: 3 });
 * ```
 *
 * @packageDocumentation
 */
export { NextbestError } from "./errors.js";
export { Recommender } from "./recommender.js";
export { engineFile, init, type ModuleSource } from "./runtime.js";
export type * from "./types.js";
