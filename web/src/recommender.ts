import { Engine } from "../pkg/nextbest_wasm.js";
import { NextbestError } from "./errors.js";
import { kindOf, written } from "./json.js";
import { optionsOf } from "./options.js";
import { Room } from "./room.js";
import { currentGeneration, guarded } from "./runtime.js";
import { verified } from "./signature.js";
import type {
  Card,
  CheckedSketch,
  Contributions,
  Customer,
  FeatureOptions,
  LoadOptions,
  ObserveOptions,
  Prediction,
  Recommendation,
  RecommendOptions,
  Row,
  Schema,
  SketchRules,
  Validity,
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
  /** When the bundle may be used, and its number among the model's versions. */
  readonly validity: Validity;
  /** The fingerprint of the key that signed the bundle, verified by `LoadOptions.publicKey`; `null` without that. */
  readonly signedBy: string | null;
  /** How rows are counted; `null` where the bundle remembers nothing to count them by. */
  readonly sketchRules: SketchRules | null;

  // Kept for loading again when a crash has cost us the instance.
  #bytes: Uint8Array | undefined;
  readonly #checks: Checks;
  readonly #space: Contributions["space"];
  #engine: Engine;
  #generation: number;
  #room: Room | undefined;

  /**
   * Decodes and verifies a bundle.
   *
   * @param bytes the bundle. They are kept, not copied: do not write to them afterwards.
   * @throws NextbestError `bundle/…` when the bytes are not a bundle that this version can trust and read (unsigned, signed by
   * another key, changed, not valid now, older than `minimumNumber`, …), or when this device does not reproduce its golden
   * vectors; `platform/ed25519` where the platform can't verify a signature that is asked for; `options/…`; `init/missing`
   * before `init`.
   */
  static async load(bytes: Uint8Array | ArrayBuffer, options: LoadOptions = {}): Promise<Recommender> {
    let view = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
    if (!(view instanceof Uint8Array)) {
      throw new NextbestError("bundle/type", "the bundle: expected a Uint8Array or an ArrayBuffer");
    }
    const checks = checksOf(options);
    const { publicKey } = options;
    let signedBy: string | null = null;
    if (publicKey !== undefined) {
      // What others could write to meanwhile is not what was verified; and WebCrypto takes no shared memory.
      view = new Uint8Array(view);
      signedBy = await verified(view as Uint8Array<ArrayBuffer>, publicKey);
    }
    const hash = view.length < LARGE ? undefined : await contentHash(view);
    return new Recommender(view, hash, checks, signedBy);
  }

  private constructor(bytes: Uint8Array, hash: Uint8Array | undefined, checks: Checks, signedBy: string | null) {
    const engine = opened(bytes, hash, checks);
    try {
      const facts = guarded(() => engine.ask("about", "null", "{}") as About);
      this.featureNames = Object.freeze(facts.features);
      this.products = Object.freeze(facts.products);
      this.classes = Object.freeze(facts.classes);
      this.modelVersion = facts.modelVersion;
      this.contentHash = facts.contentHash;
      this.card = facts.card;
      this.schema = facts.schema;
      this.sketchRules = Object.freeze(facts.sketchRules);
      this.#space = facts.contributionSpace;
      const { number, notBefore, expires } = facts.validity;
      this.validity = Object.freeze({ number, notBefore: date(notBefore), expires: date(expires) });
    } catch (error) {
      if (!crashed(error)) engine.free();
      throw error;
    }
    this.signedBy = signedBy;
    this.#checks = { ...checks, contentHash: this.contentHash };
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
    const asked = this.#options(options);
    const rows = written(customer);
    return this.#call((engine) => engine.ask("recommend", rows, asked) as Recommendation);
  }

  /**
   * What a model of a plain table (`nextbest train --table`) says of one row: every class, the most probable first.
   *
   * @param row column name → value. Absent columns and words that the model has never seen are missing values; columns
   * that it does not know are told in `ignored`. A row with its own time is seen from there, any other from `asOf`; without that, nothing
   * of it is known to be past.
   * @throws NextbestError `customer/…` naming the column (`AGE: expected a number, got "abc"`), `recommender/task` where
   * the bundle offers products to customers.
   */
  scoreRow(row: Row, options: FeatureOptions = {}): Prediction {
    const asked = this.#options(options);
    const cells = written(row);
    return this.#call((engine) => engine.ask("predict", cells, asked) as Prediction);
  }

  /**
   * The customer's row of features, in the order of `featureNames`; NaN where a feature is missing. Of a plain table,
   * those of its row.
   *
   * This, `scoreFeatures`, `scoreBatch`, `contributions` and `observe` are raw access: they ask no rule. Only `recommend` knows who objects
   * to profiling: ask it first, and compute nothing of whom it stopped.
   *
   * @throws NextbestError as `recommend` does.
   */
  features(customer: Customer | Row, options: FeatureOptions = {}): Float32Array {
    const asked = this.#options(options);
    const rows = written(customer);
    return this.#call((engine) => engine.features(rows, asked));
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

  /**
   * What each feature of a row contributes to each class: its exact Shapley value against the bundle's reference row, before
   * calibration. For every class, its `base` and the contributions of all features to it sum to its `outputs`.
   *
   * @param row as `scoreFeatures` takes it.
   * @throws NextbestError `row/…` for a row of another length or type.
   */
  contributions(row: Float32Array): Contributions {
    requireFloats("row", row, this.featureNames.length, "feature values");
    const classes = this.classes.length;
    return this.#call((engine) => {
      const numbers = engine.contributions(row);
      return {
        space: this.#space,
        base: numbers.slice(0, classes),
        outputs: numbers.slice(classes, 2 * classes),
        values: numbers.slice(2 * classes),
      };
    });
  }

  /**
   * Counts a row for the bank's monitoring, if the customer agrees. What is counted is in which cell of the bundle's
   * distributions it lies, and nothing leaves before `sketch()`:
   *
   * ```ts
   * const row = recommender.features(customer);
   * recommender.observe(row, { consent });
   * ```
   *
   * Rows of customers whom `recommend` did not score (`stopped`) are not to be counted either. A crash of the engine
   * (`engine/crashed`, of any `Recommender`) loses the rows counted so far, as leaving the page does.
   *
   * @param row as `scoreFeatures` takes it.
   * @returns `false`: not counted, since there is no consent or the sketch is full (65,535 rows).
   * @throws NextbestError `row/…` for a row of another length or type, `sketch/no-profile` where `sketchRules` is `null`.
   */
  observe(row: Float32Array, options: ObserveOptions): boolean {
    requireFloats("row", row, this.featureNames.length, "feature values");
    const consent = optionsOf(options ?? {}, ["consent"])["consent"] === true;
    return this.#call((engine) => engine.observe(row, consent, random(16)));
  }

  /** How many rows the next sketch has. */
  get observedRows(): number {
    return this.#call((engine) => engine.observedRows);
  }

  /**
   * The sketch of the rows counted so far, to be sent to the bank; counting begins anew. Its bytes hold how many rows lie in each
   * cell, the bundle's hash and a random number, and nothing else.
   *
   * @throws NextbestError `sketch/too-few-rows` where there are fewer than `sketchRules` asks for: they are kept, and counting
   * goes on; `sketch/no-profile`.
   */
  sketch(): Uint8Array<ArrayBuffer> {
    return this.#call((engine) => engine.handOutSketch(random(8)) as Uint8Array<ArrayBuffer>);
  }

  /**
   * What a sketch of this very bundle says of itself, for those who collect them.
   *
   * @throws NextbestError `sketch/…` for bytes that are none: damaged, of another bundle, with counts that no rows give, ….
   */
  checkSketch(bytes: Uint8Array): CheckedSketch {
    if (!(bytes instanceof Uint8Array)) throw new NextbestError("sketch/type", "the sketch: expected a Uint8Array");
    if (bytes.length > MOST_SKETCH_BYTES) throw new NextbestError("sketch/length", "the sketch: longer than any");
    return this.#call((engine) => engine.checkSketch(bytes) as CheckedSketch);
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

  // The engine checks them, and has no clock. A row of a plain table needs no moment.
  #options(options: FeatureOptions): string {
    const given = optionsOf(options);
    const asOf = given["asOf"] ?? (this.schema.task === "nextProduct" ? new Date() : null);
    return written({ ...given, asOf, strict: given["strict"] ?? this.#checks.strict }, "options/type", "options");
  }

  #call<T>(use: (engine: Engine) => T): T {
    const bytes = this.#bytes;
    if (bytes === undefined) {
      throw new NextbestError("recommender/freed", "this Recommender has been freed: load the bundle again");
    }
    if (this.#generation !== currentGeneration()) {
      // Some call crashed the instance that held our model, perhaps another Recommender's.
      this.#engine = opened(bytes, undefined, this.#checks);
      this.#generation = currentGeneration();
    }
    return guarded(() => use(this.#engine));
  }
}

/** What a bundle must pass each time that an engine opens it. */
interface Checks {
  readonly selfTest: boolean;
  /** Now, whenever that is, where it is not given. */
  readonly now: Date | undefined;
  readonly minimumNumber: number;
  readonly strict: boolean;
  /** Of the bytes that were verified; not known before they are opened for the first time. */
  readonly contentHash?: string;
}

/** `Validity` as the engine has it, in seconds since 1970-01-01. */
/** What the engine tells of a bundle (`core/src/about.rs`), as far as it is used here. */
interface About {
  readonly features: string[];
  readonly products: string[];
  readonly classes: string[];
  readonly modelVersion: string;
  readonly contentHash: string;
  readonly contributionSpace: Contributions["space"];
  readonly card: Card;
  readonly schema: Schema;
  readonly validity: Seconds;
  readonly sketchRules: SketchRules | null;
}

interface Seconds {
  readonly number: number;
  readonly notBefore: number | null;
  readonly expires: number | null;
}

function checksOf(options: LoadOptions): Checks {
  optionsOf(options, ["selfTest", "publicKey", "now", "minimumNumber", "strict"]);
  const { selfTest = true, now, minimumNumber = 0, strict = false } = options;
  for (const [code, name, flag] of [["self-test", "selfTest", selfTest], ["strict", "strict", strict]] as const) {
    if (typeof flag !== "boolean") {
      throw new NextbestError(`options/${code}`, `${name}: expected true or false, got ${kindOf(flag)}`);
    }
  }
  if (now !== undefined && !(now instanceof Date && !Number.isNaN(now.getTime()))) {
    throw new NextbestError("options/now", "now: expected a valid Date");
  }
  if (!Number.isSafeInteger(minimumNumber) || minimumNumber < 0) {
    const message = `minimumNumber: expected an integer from 0, got ${String(minimumNumber)}`;
    throw new NextbestError("options/minimum-number", message);
  }
  return { selfTest, strict, now: now && new Date(now), minimumNumber };
}

function opened(bytes: Uint8Array, hash: Uint8Array | undefined, checks: Checks): Engine {
  const engine = guarded(() => new Engine(bytes, hash));
  try {
    guarded(() => {
      if (checks.contentHash !== undefined && engine.contentHash !== checks.contentHash) {
        throw new NextbestError("bundle/hash-mismatch", "bundle: its bytes were written to after it was loaded");
      }
      engine.checkValidity(Math.floor((checks.now?.getTime() ?? Date.now()) / 1000), checks.minimumNumber);
      if (checks.selfTest) engine.selfTest();
    });
  } catch (error) {
    if (!crashed(error)) engine.free();
    throw error;
  }
  return engine;
}

function date(seconds: number | null): Date | null {
  return seconds === null ? null : new Date(seconds * 1000);
}

/** Longer than the sketches of any bundle. */
const MOST_SKETCH_BYTES = 1 << 22;

function random(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
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
