// Request in, response out. Nothing of a customer is stored or logged: not the body, not the address, not the message of an
// error, which may quote a value. What is stored are sketches alone (sketches.ts).

import { type Customer, NextbestError, type Recommender } from "nextbest";
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
  const { customer, options, observe } = question(await readJson(request));
  const recommender = await loaded(around);
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

interface Question {
  customer: Customer;
  options: { asOf?: string; top?: number; explain?: boolean };
  /** Whether the customer agrees to be counted. */
  observe: boolean;
}

// The body is a customer (`{ customer: {…}, accounts: […] }`), or `{ customer: <a customer>, … }`; options stand beside
// `customer` in both.
function question(body: unknown): Question {
  const outer = object(body);
  if (!outer) throw new Refusal(422, "customer/type", "the body: expected an object such as { \"customer\": { … } }");
  const inner = object(outer["customer"]);
  const customer = (inner && object(inner["customer"]) ? inner : outer) as unknown as Customer;
  const options: Question["options"] = {};
  const { asOf, top, explain, observe } = outer;
  if (typeof asOf === "string") options.asOf = asOf;
  else if (asOf != null) throw mistyped("as-of", "asOf", "a date such as \"2026-04-01\"");
  if (typeof top === "number") options.top = top;
  else if (top != null) throw mistyped("top", "top", "an integer from 1");
  if (typeof explain === "boolean") options.explain = explain;
  else if (explain != null) throw mistyped("explain", "explain", "true or false");
  // Consent is said in one way only.
  if (observe != null && typeof observe !== "boolean") {
    throw mistyped("observe", "observe", "true, where the customer agrees to be counted, or false");
  }
  return { customer, options, observe: observe === true };
}

function object(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function mistyped(code: string, name: string, expected: string): Refusal {
  return new Refusal(422, `options/${code}`, `${name}: expected ${expected}`);
}

function json(status: number, body: object, headers: Record<string, string> = {}): Response {
  return Response.json(body, {
    status,
    headers: { ...headers, "cache-control": "no-store", "x-content-type-options": "nosniff" },
  });
}
