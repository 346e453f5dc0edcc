/**
 * One cell of a customer's row. Absent, `null`, `undefined`, `NaN` and `""` all mean "missing" (in a row of a plain table also `"NA"`,
 * `"N/A"`, `"NaN"`, `"null"` and `"?"`, in capitals or not); Infinity is refused. Words are compared without the white space around
 * them. A whole number above 2⁵³ that is an id or a word is refused, since it has lost digits: pass a text or a BigInt.
 */
export type Value = string | number | bigint | boolean | Date | null | undefined;

/** One row of a table: column name → value. Columns that the bundle's schema does not know are told in `ignored`. */
export type Row = Readonly<Record<string, Value>>;

/**
 * Everything known of one customer: the one row of `customer`, and the rows of every table that the bundle's schema
 * lists (`Recommender.schema`). With the default schema:
 *
 * ```ts
 * const customer: Customer = {
 *   customer: { CUSTOMERID: "C-1", DATEOFBIRTH: "1990-05-01", CUSTOMERESTABLISHEDDATE: "2019-02-11", STATE: "NY" },
 *   accounts: [{ PRODUCTID: 1, ORIGINATIONDATE: "2020-01-07", PRINCIPALAMOUNT: 1200 }],
 *   transactions: [
 *     { TRANSACTIONINITIATEDTIMESTAMP: "2026-03-02 10:00:00", TRANSACTIONAMOUNT: 3100, TRANSACTIONTYPEID: "SALARY" },
 *   ],
 *   communications: [],
 * };
 * ```
 *
 * Dates are `YYYY-MM-DD`, times `YYYY-MM-DD HH:MM:SS`, both as the bank's clock (`Schema.clock`) shows them. A time with a zone
 * (`2026-03-02T10:00:00Z`, `…+02:00`) is an instant, as a `Date` is, and becomes what the bank's clock shows then. Amounts are in the
 * bank's currency, money leaving the account negative. Rows need not be sorted, and rows at or after `asOf` are not
 * read. Tables may be absent; table names that the schema does not know are told in `ignored`.
 */
export interface Customer {
  readonly customer: Row;
  readonly [table: string]: Row | readonly Row[] | null | undefined;
}

/**
 * The moment that a customer is seen from: `YYYY-MM-DD` (its midnight) or `YYYY-MM-DD HH:MM:SS`, as the bank's clock
 * shows it; or an instant: a `Date`, or a text with a zone (`2026-03-02T10:00:00Z`, `…+02:00`).
 */
export type AsOf = string | Date;

export interface FeatureOptions {
  /** Only what happened before this moment is read. Default: now. */
  readonly asOf?: AsOf;
  /** Whether tables and columns that the model does not know are refused (`customer/unknown`). Default: that of `LoadOptions`. */
  readonly strict?: boolean;
}

export interface RecommendOptions extends FeatureOptions {
  /** At most this many offers; an integer from 1. Default: 3. */
  readonly top?: number;
  /** Whether each offer says what spoke for and against it. Default: `true`. */
  readonly explain?: boolean;
  /**
   * Whether to look for the smallest change of what the customer could change (the bank says which features) that would bring another
   * product to the greatest priority. It takes some milliseconds, a second at most. Default: `false`.
   */
  readonly counterfactual?: boolean;
  /** Where the offers will be shown: a channel that the bank's policy names. Default: none in particular. */
  readonly channel?: string;
}

export interface LoadOptions {
  /**
   * Whether to score the bundle's golden vectors and compare the result bit by bit, which proves that this device
   * computes exactly what the bank validated. Default: `true`.
   */
  readonly selfTest?: boolean;
  /**
   * Who must have signed the bundle. The platform's WebCrypto verifies before anything of the bundle is read; where it can't,
   * the bundle is refused. Default: signed or not, it does not matter.
   */
  readonly publicKey?: PublicKey;
  /**
   * Whether tables and columns of customers that the model does not know are refused (`customer/unknown`), instead of told in
   * `ignored`: a misspelt one would be missing without a word. Default: `false`.
   */
  readonly strict?: boolean;
  /** The moment at which the bundle must be valid. Default: now. */
  readonly now?: Date;
  /**
   * The least number that the bundle must have among the model's versions: store the greatest that you have met
   * (`Recommender.validity.number`), and nobody can give you an older model again. Default: 0.
   */
  readonly minimumNumber?: number;
}

/**
 * A public Ed25519 key: the text of the file that `nextbest keygen` wrote (PEM; of several keys in it any will do), its 32
 * bytes, or a `CryptoKey` that can be exported.
 */
export type PublicKey = string | Uint8Array | CryptoKey;

/** When a bundle may be used, and its place among the model's versions. */
export interface Validity {
  /** Greater than that of every version before it; 0 where the bank does not number them. */
  readonly number: number;
  /** Not used before; `null` where it does not matter. */
  readonly notBefore: Date | null;
  /** Not used from here on; `null` where it does not expire. */
  readonly expires: Date | null;
}

export interface ObserveOptions {
  /** Whether the customer agrees to be counted. Only `true` counts, whatever else may pass for it. */
  readonly consent: boolean;
}

/** How the bank wants rows to be counted (`monitoring.sketches` in its config). */
export interface SketchRules {
  /** Fewer rows than this are not handed out. Rows that are randomised are, one by one. */
  readonly minimumRows: number;
  /**
   * Where rows are randomised before they are counted: the ε of their local differential privacy. `null`: they are counted as they
   * are.
   */
  readonly epsilon: number | null;
}

/** What a sketch says of itself. */
export interface CheckedSketch {
  /** How many rows it counts. */
  readonly rows: number;
  /** Chosen at random by whoever made it, as 16 hexadecimal digits: the same sketch, sent twice, is known by it. */
  readonly identity: string;
  /** Whether it is the sum of several. */
  readonly merged: boolean;
  /** Whether its rows were randomised. */
  readonly randomised: boolean;
}

/** One feature's part in a reason. */
export interface ReasonPart {
  /** The feature's name, as in `featureNames`. */
  readonly feature: string;
  /** The same for people. */
  readonly label: string;
  /** The feature's value for this customer; `null` where it is missing, or too large for a number of 32 bits. */
  readonly value: number | null;
  /** The word that the value stands for, where the feature is a category. */
  readonly word: string | null;
  /** What the value adds, as `Recommendation.reasonMethod` measures it; below 0 where it speaks against the offer. */
  readonly contribution: number;
}

/** What speaks for an offer: the strongest of some features that say the same thing, and the sum of what they add. */
export interface Reason extends ReasonPart {
  /** The strongest feature with its value, for people: `3 fees in 90 days`. */
  readonly text: string;
  /** All of them, the strongest first. */
  readonly features: readonly ReasonPart[];
}

/** What features contribute to all classes. */
export interface Contributions {
  /** What the outputs are: probabilities before calibration, or scores, of which the softmax is the probabilities before calibration. */
  readonly space: "probability" | "score";
  /** The outputs of the bundle's reference row, in the order of `classes`. */
  readonly base: Float64Array;
  /** The outputs of this row, in the order of `classes`. */
  readonly outputs: Float64Array;
  /** `featureNames.length` × `classes.length` numbers, feature after feature. */
  readonly values: Float64Array;
}

/** What a customer could change for another product to have the greatest priority. */
export interface Counterfactual {
  /** That product. */
  readonly product: string;
  /** One feature or two. */
  readonly changes: readonly {
    readonly feature: string;
    readonly label: string;
    readonly from: number | null;
    readonly to: number;
    /** Both values for people. */
    readonly fromText: string;
    readonly toText: string;
  }[];
}

/** A product that the customer may be offered. */
export interface Offer {
  /** The product's name, as in `products`. */
  readonly product: string;
  /** That this product is the next one taken within `schema.horizonDays`: 0 … 1. */
  readonly probability: number;
  /** `probability` × the product's value, in the bank's currency; `null` where the bank gave no value. */
  readonly expectedValue: number | null;
  /** What it was ranked by: the priority is the product of the other four. */
  readonly factors: Factors;
  /**
   * The probability with which it was to come in this place, after the offers before it; 1 where the policy leaves nothing to
   * chance. Log it beside what the customer did: it is what `nextbest policy-eval` needs to judge other policies.
   */
  readonly propensity: number;
  /** The strongest first; empty with `explain: false`. */
  readonly reasons: readonly Reason[];
}

/** What an offer is ranked by. */
export interface Factors {
  readonly probability: number;
  /** What a sale is worth, in the bank's currency; 1 where the policy ranks by probability. */
  readonly value: number;
  /** The product of the weights that the policy gives to the customer's situation. */
  readonly context: number;
  /** What the bank multiplies the product's priority by. */
  readonly lever: number;
  /** `probability` × `value` × `context` × `lever`. */
  readonly priority: number;
}

/** A product that is not offered, and why. */
export interface Withheld {
  readonly product: string;
  /** The rule's name, such as `already owned`, `minimum age` or one of the bank's own. */
  readonly rule: string;
  /** The rule's terms and the customer's, for people. */
  readonly detail: string;
}

export interface Recommendation {
  /** The best first, at most `top`, in the order of their priorities unless the policy leaves some of it to chance. */
  readonly offers: readonly Offer[];
  /** Every product that is not among the offers. */
  readonly withheld: readonly Withheld[];
  /** Why the customer was not scored at all, such as an objection to profiling; else `null`. */
  readonly stopped: { readonly rule: string; readonly detail: string } | null;
  /** What the bank shows where there is nothing to offer; `null` where there are offers or the bank has nothing. */
  readonly fallback: string | null;
  /** The smallest change that would bring another product first; `null` where it was not asked for or there is none. */
  readonly counterfactual: Counterfactual | null;
  /** The customer's part in the policy's experiment: a holdout gets no offers. `null` without an experiment. */
  readonly arm: "treatment" | "holdout" | null;
  /** That the customer takes nothing within `schema.horizonDays`: 0 … 1; `null` where the customer was not scored. */
  readonly noneProbability: number | null;
  readonly modelVersion: string;
  /** The moment that the customer was seen from. */
  readonly asOf: string;
  /** How the reasons' contributions were measured. */
  readonly reasonMethod: string;
  /**
   * The tables and columns of the customer that the model does not know, each once: `["transactons", "customer.INCOM"]`; of more than 20
   * the first, and `"…"`.
   */
  readonly ignored: readonly string[];
}

/** What a model of a plain table (`nextbest train --table`) says of one row. */
export interface Prediction {
  /** Every class, the most probable first. */
  readonly classes: readonly {
    /** A word of the predicted column. */
    readonly name: string;
    /** 0 … 1; those of all classes sum to 1. */
    readonly probability: number;
  }[];
  readonly modelVersion: string;
  /** The columns of the row that the model does not know, as in `Recommendation`. */
  readonly ignored: readonly string[];
}

/** One column of a table of the bundle's schema. */
export interface Column {
  readonly name: string;
  /** A category lists the words that the model was trained on; others count as missing. */
  readonly kind: "number" | "time" | { readonly category: readonly string[] };
  /** Whether it shows today's state, which no feature reads. */
  readonly current: boolean;
}

export interface Table {
  /** The name under which its rows stand in a `Customer`. */
  readonly name: string;
  /** The column that dates a row; `null` for the customer's own row, and where there is none. */
  readonly time: string | null;
  readonly columns: readonly Column[];
}

export interface Product {
  readonly id: string;
  readonly name: string;
  /** Years of age from which the product may be offered; `null` for no limit. */
  readonly minAge: number | null;
  /** Whether a customer may hold more than one. */
  readonly repeatable: boolean;
  /** What one sale is worth, in the bank's currency; `null` where the bank did not say. */
  readonly value: number | null;
}

/** What the model reads, and what it offers. */
export interface Schema {
  /** The customer's own row; of a plain table, its rows. */
  readonly customer: Table;
  /** The customer's column that says since when; `null` in a plain table. */
  readonly established: string | null;
  /** The customer's column with the date of birth. */
  readonly birthDate: string | null;
  readonly tables: readonly Table[];
  /** Which tables' rows mean that the customer took a product, and the column that says when it was given up. */
  readonly holdings: readonly {
    readonly table: string;
    readonly product: { readonly column: string } | { readonly always: string };
    readonly closed: string | null;
  }[];
  readonly products: readonly Product[];
  /** How far the prediction looks ahead, in days; 0 in a plain table. */
  readonly horizonDays: number;
  /** What is predicted: the next product, or the word in a column of a plain table. */
  readonly task: "nextProduct" | { readonly label: { readonly column: string } };
  /** The bank's clock: what times without a zone are times of. */
  readonly clock: Clock;
}

/** A clock, as one zone of the world has it. */
export interface Clock {
  /** The zone's name in the IANA's database: `"Europe/Prague"`. */
  readonly zone: string;
  /** How many seconds it is ahead of UTC until its first change. */
  readonly offset: number;
  /** When it is set otherwise: so many seconds after the change before (the first: after 1970-01-01T00:00Z), and to which offset. */
  readonly changes: readonly { readonly after: number; readonly offset: number }[];
}

/** The model card as the bank exported it: purpose, training data, measured quality. */
export type Card = Readonly<Record<string, unknown>>;
