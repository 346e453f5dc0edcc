// Request in, response out. Nothing of a customer is stored or logged: not the body, not the address, not the message of an
// error, which may quote a value. What is stored are sketches alone (sketches.ts).

import { type Customer, NextbestError, type Recommender, type RecommendOptions } from "nextbest";
import { readJson } from "./body.js";
import { Refusal, refusalOf } from "./refusal.js";
import { collect, count, type SketchSettings } from "./sketches.js";

/** What a worker has beside its code. */
export interface Surroundings extends SketchSettings {
  /** Gives the model, and may reject. */
  load(): Promise<Recommender>;
}

interface Route {
  readonly methods: readonly string[];
  /** Of what is done. */
  readonly status: number;
  answer(request: Request, around: Surroundings): Promise<object>;
}

/** What answers each path. */
const ROUTES: Record<string, Route> = {
  "/health": { methods: ["GET", "HEAD"], status: 200, answer: health },
  "/recommend": { methods: ["POST"], status: 200, answer: recommend },
  "/sketch": { methods: ["POST"], status: 202, answer: sketch },
};

/** Answers one request; never rejects. */
export async function handle(request: Request, around: Surroundings): Promise<Response> {
  try {
    const route = ROUTES[new URL(request.url).pathname];
    if (!route) throw new Refusal(404, "request/path", "no such path: use GET /health, POST /recommend or POST /sketch");
    if (!route.methods.includes(request.method)) {
      const allow = route.methods.join(", ");
      throw new Refusal(405, "request/method", `${request.method} is not answered here: use ${allow}`, { allow });
    }
    return json(route.status, await route.answer(request, around));
  } catch (error) {
    const { status, code, message, headers } = refusalOf(error);
    if (status >= 500) console.error(`${status} ${code}`);
    return json(status, { error: { code, message } }, headers);
  }
}

async function health(_request: Request, around: Surroundings): Promise<object> {
  const { modelVersion, contentHash } = await loaded(around);
  return { status: "ok", modelVersion, contentHash };
}

async function recommend(request: Request, around: Surroundings): Promise<object> {
  const body = await readJson(request);
  const recommender = await loaded(around);
  const { customer, options, observe } = question(body, recommender);
  const answer = recommender.recommend(customer, options);
  if (observe) count(recommender, customer, answer, around);
  return answer;
}

async function sketch(request: Request, around: Surroundings): Promise<object> {
  return collect(request, await loaded(around), around);
}

async function loaded(around: Surroundings): Promise<Recommender> {
  try {
    return await around.load();
  } catch (error) {
    const code = error instanceof NextbestError ? error.code : "worker/load";
    throw new Refusal(503, code, "the model cannot be loaded");
  }
}

/** What stands beside a customer's tables: the engine's options, which it checks, and what only the worker does. */
const OPTIONS = ["asOf", "top", "explain", "counterfactual", "channel", "strict"];

interface Question {
  customer: Customer;
  options: RecommendOptions;
  /** Whether the customer agrees to be counted. */
  observe: boolean;
}

// The body is a customer (`{ customer: {…}, accounts: […] }`), or `{ customer: <a customer> }`; options stand beside `customer` in both.
// What is neither an option nor a table may be a misspelt one of them.
function question(body: unknown, { schema }: Recommender): Question {
  const outer = object(body);
  if (!outer) throw new Refusal(422, "customer/type", "the body: expected an object such as { \"customer\": { … } }");
  const inner = object(outer["customer"]);
  const own = [schema.customer.name, ...schema.tables.map(({ name }) => name)];
  const isNested = inner !== undefined && own.some((table) => Object.hasOwn(inner, table));
  const tables = isNested ? ["customer"] : own;
  const options: Record<string, unknown> = {};
  const customer: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(outer)) {
    if (name === "observe") continue;
    else if (tables.includes(name)) customer[name] = value;
    else if (OPTIONS.includes(name)) options[name] = value;
    else {
      const known = `options ${[...OPTIONS, "observe"].join(", ")}; tables ${tables.join(", ")}`;
      throw new Refusal(422, "options/unknown", `there is neither an option nor a table ${JSON.stringify(name)}: ${known}`);
    }
  }
  // Consent is said in one way only.
  const { observe } = outer;
  if (observe != null && typeof observe !== "boolean") {
    throw new Refusal(422, "options/observe", "observe: expected true, where the customer agrees to be counted, or false");
  }
  return { customer: (isNested ? inner : customer) as unknown as Customer, options: options as RecommendOptions, observe: observe === true };
}

function object(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function json(status: number, body: object, headers: Record<string, string> = {}): Response {
  return Response.json(body, {
    status,
    headers: { ...headers, "cache-control": "no-store", "x-content-type-options": "nosniff" },
  });
}
