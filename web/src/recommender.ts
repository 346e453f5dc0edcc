import { Engine } from "../pkg/nextbest_wasm.js";
import { NextbestError } from "./errors.js";
import { Room } from "./room.js";
import { currentGeneration, guarded } from "./runtime.js";
import type {
  AsOf,
  Card,
  Customer,
  FeatureOptions,
  LoadOptions,
  Prediction,
  Recommendation,
  RecommendOptions,
  Row,
  Schema,
} from "./types.js";

/**
 * A loaded bundle: raw rows of one customer in, eligible offers out. Everything is computed in this process; nothing
 * is sent anywhere.
 */
export class Recommender {
  /** The names of the features, in the order of a row. */
  readonly featureNames: readonly string[];
  /** The names of the products that the model knows. */
  readonly products: readonly string[];
  /** What the model tells apart, in the order of its probabilities: `"NONE"`, then products; or a label's words. */
  readonly classes: readonly string[];
  /** The version that the bank gave to the model. */
  readonly modelVersion: string;
  /** The SHA-256 of the bundle's content, in hex. */
  readonly contentHash: string;
  /** The model card. */
  readonly card: Card;
  /** The tables that the model reads and the products that it offers. */
  readonly schema: Schema;

  // Kept for loading again when a crash has cost us the instance.
  #bytes: Uint8Array | undefined;
  #engine: Engine;
  #generation: number;
  #room: Room | undefined;

  /**
   * Decodes and verifies a bundle.
   *
   * @param bytes the bundle. They are kept, not copied: do not write to them afterwards.
   * @throws NextbestError `bundle/…` when the bytes are not a bundle that this version can trust and read, or when
   * this device does not reproduce its golden vectors; `init/missing` before `init`.
   */
  static async load(bytes: Uint8Array | ArrayBuffer, options: LoadOptions = {}): Promise<Recommender> {
    const view = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
    if (!(view instanceof Uint8Array)) {
      throw new NextbestError("bundle/type", "the bundle: expected a Uint8Array or an ArrayBuffer");
    }
    const hash = view.length < LARGE ? undefined : await contentHash(view);
    return new Recommender(view, hash, options.selfTest ?? true);
  }

  private constructor(bytes: Uint8Array, hash: Uint8Array | undefined, selfTest: boolean) {
    const engine = guarded(() => new Engine(bytes, hash));
    try {
      if (selfTest) guarded(() => engine.selfTest());
      const facts = guarded(() => ({
        featureNames: engine.featureNames,
        products: engine.products,
        classes: engine.classes,
        modelVersion: engine.modelVersion,
        contentHash: engine.contentHash,
        card: engine.card as Card,
        schema: engine.schema as Schema,
      }));
      this.featureNames = Object.freeze(facts.featureNames);
      this.products = Object.freeze(facts.products);
      this.classes = Object.freeze(facts.classes);
      this.modelVersion = facts.modelVersion;
      this.contentHash = facts.contentHash;
      this.card = facts.card;
      this.schema = facts.schema;
    } catch (error) {
      if (!crashed(error)) engine.free();
      throw error;
    }
    this.#bytes = bytes;
    this.#engine = engine;
    this.#generation = currentGeneration();
  }

  /**
   * The customer's eligible offers, the best first, and the products withheld with the rule that forbids
   * them.
   *
   * @throws NextbestError `customer/…` naming the path of the value at fault
   * (`accounts[2].PRINCIPALAMOUNT: expected a number, got "abc"`), `options/…` for a bad `asOf` or `top`.
   */
  recommend(customer: Customer, options: RecommendOptions = {}): Recommendation {
    const { top = 3, explain = true, counterfactual = false, channel } = options;
    const asOf = moment(options.asOf);
    if (!Number.isInteger(top) || top < 1 || top > 0xffff_ffff) {
      throw new NextbestError("options/top", `top: expected an integer from 1, got ${String(top)}`);
    }
    const rows = json(customer);
    return this.#call((engine) => engine.recommend(rows, asOf, top, explain, counterfactual, channel) as Recommendation);
  }

  /**
   * What a model of a plain table (`nextbest train --table`) says of one row: every class, the most probable first.
   *
   * @param row column name → value. Absent columns and words that the model has never seen are missing values; columns
   * that it does not know are ignored. A row with its own time is seen from there, any other from `asOf`.
   * @throws NextbestError `customer/…` naming the column (`AGE: expected a number, got "abc"`), `recommender/task` where
   * the bundle offers products to customers.
   */
  scoreRow(row: Row, options: FeatureOptions = {}): Prediction {
    const asOf = moment(options.asOf);
    const cells = json(row);
    return this.#call((engine) => engine.scoreRow(cells, asOf) as Prediction);
  }

  /**
   * The customer's row of features, in the order of `featureNames`; NaN where a feature is missing. Of a plain table,
   * those of its row.
   *
   * @throws NextbestError as `recommend` does.
   */
  features(customer: Customer | Row, options: FeatureOptions = {}): Float32Array {
    const asOf = moment(options.asOf);
    const rows = json(customer);
    return this.#call((engine) => engine.features(rows, asOf));
  }

  /**
   * The probabilities of one row of features, in the order of `classes`; they sum to 1.
   *
   * @param row as many numbers as `featureNames`; NaN for a missing one.
   * @param into where to write them, as many numbers as `classes`; a new array by default.
   * @throws NextbestError `row/…` for a row of another length or type.
   */
  scoreFeatures(row: Float32Array, into?: Float32Array): Float32Array {
    return this.#score("row", row, 1, into);
  }

  /**
   * The probabilities of `n` rows at once, bit for bit those of `scoreFeatures`.
   *
   * @param rows the rows one after the other: `n` × `featureNames.length` numbers.
   * @param into where to write them; a new array by default.
   * @returns `n` × `classes.length` probabilities, row after row.
   * @throws NextbestError `row/…` where the lengths do not agree.
   */
  scoreBatch(rows: Float32Array, n: number, into?: Float32Array): Float32Array {
    if (!Number.isInteger(n) || n < 0 || n > 0xffff_ffff) {
      throw new NextbestError("row/count", `n: expected the number of rows, got ${String(n)}`);
    }
    return this.#score("rows", rows, n, into);
  }

  #score(name: string, rows: Float32Array, count: number, into: Float32Array | undefined): Float32Array {
    requireFloats(name, rows, count * this.featureNames.length, "feature values");
    const scored = into ?? new Float32Array(count * this.classes.length);
    if (into !== undefined) requireFloats("into", into, count * this.classes.length, "probabilities");
    this.#call((engine) => {
      if (this.#room?.engine !== engine) {
        this.#room = new Room(engine, this.featureNames.length, this.classes.length);
      }
      this.#room.score(rows, count, scored);
    });
    return scored;
  }

  /** Gives the model's memory back. The object cannot be used afterwards; a second call does nothing. */
  free(): void {
    if (this.#bytes === undefined) return;
    this.#bytes = undefined;
    if (this.#generation === currentGeneration()) this.#engine.free();
  }

  #call<T>(use: (engine: Engine) => T): T {
    const bytes = this.#bytes;
    if (bytes === undefined) {
      throw new NextbestError("recommender/freed", "this Recommender has been freed: load the bundle again");
    }
    if (this.#generation !== currentGeneration()) {
      // Some call crashed the instance that held our model, perhaps another Recommender's.
      this.#engine = guarded(() => new Engine(bytes));
      this.#generation = currentGeneration();
    }
    return guarded(() => use(this.#engine));
  }
}

/** From so many bytes on, asking the platform for a hash is faster than computing it in WebAssembly. */
const LARGE = 1 << 20;
const HASH_BYTES = 32;

// Browsers have no `subtle` on pages without TLS, and it does not take shared memory: then the engine hashes.
async function contentHash(bytes: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    const content = bytes.subarray(0, -HASH_BYTES) as Uint8Array<ArrayBuffer>;
    return new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  } catch {
    return undefined;
  }
}

function moment(asOf: AsOf | undefined): string {
  if (typeof asOf === "string") return asOf;
  const date = asOf ?? new Date();
  if (!(date instanceof Date) || Number.isNaN(date.getTime())) {
    throw new NextbestError("options/as-of", "asOf: expected a date such as \"2026-04-01\" or a valid Date");
  }
  return date.toISOString().slice(0, 19).replace("T", " ");
}

// Fails for what has no JSON: an object that contains itself, a BigInt, a getter that throws.
function json(customer: Customer | Row): string {
  try {
    return JSON.stringify(customer) ?? "null";
  } catch (cause) {
    throw new NextbestError("customer/value", `customer: cannot be written as JSON: ${cause}`, { cause });
  }
}

function requireFloats(name: string, values: unknown, length: number, what: string): void {
  if (!(values instanceof Float32Array)) {
    throw new NextbestError("row/type", `${name}: expected a Float32Array`);
  }
  if (values.length !== length) {
    throw new NextbestError("row/length", `${name}: expected ${length} ${what}, got ${values.length}`);
  }
}

function crashed(error: unknown): boolean {
  return error instanceof NextbestError && error.code === "engine/crashed";
}
