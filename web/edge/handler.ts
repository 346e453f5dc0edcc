// Request in, response out. Nothing is stored and nothing of a customer is logged: not the body, not the address,
// not the message of an error, which may quote a value.

import { type Customer, NextbestError, type Recommender } from "nextbest";
import { readBody } from "./body.js";
import { Refusal, refusalOf } from "./refusal.js";

type Load = () => Promise<Recommender>;

/** The methods of each path, and what answers them. */
const ROUTES: Record<string, { methods: readonly string[]; answer: (request: Request, load: Load) => Promise<object> }> = {
  "/health": { methods: ["GET", "HEAD"], answer: health },
  "/recommend": { methods: ["POST"], answer: recommend },
};

/** Answers one request; never rejects. `load` gives the model, and may reject. */
export async function handle(request: Request, load: Load): Promise<Response> {
  try {
    const route = ROUTES[new URL(request.url).pathname];
    if (!route) throw new Refusal(404, "request/path", "no such path: use GET /health or POST /recommend");
    if (!route.methods.includes(request.method)) {
      const allow = route.methods.join(", ");
      throw new Refusal(405, "request/method", `${request.method} is not answered here: use ${allow}`, { allow });
    }
    return json(200, await route.answer(request, load));
  } catch (error) {
    const { status, code, message, headers } = refusalOf(error);
    if (status >= 500) console.error(`${status} ${code}`);
    return json(status, { error: { code, message } }, headers);
  }
}

async function health(_request: Request, load: Load): Promise<object> {
  const { modelVersion, contentHash } = await loaded(load);
  return { status: "ok", modelVersion, contentHash };
}

async function recommend(request: Request, load: Load): Promise<object> {
  const { customer, options } = question(await readBody(request));
  return (await loaded(load)).recommend(customer, options);
}

async function loaded(load: Load): Promise<Recommender> {
  try {
    return await load();
  } catch (error) {
    const code = error instanceof NextbestError ? error.code : "worker/load";
    throw new Refusal(503, code, "the model cannot be loaded");
  }
}

interface Question {
  customer: Customer;
  options: { asOf?: string; top?: number; explain?: boolean };
}

// The body is a customer (`{ customer: {…}, accounts: […] }`), or `{ customer: <a customer>, … }`; options stand beside
// `customer` in both.
function question(body: unknown): Question {
  const outer = object(body);
  if (!outer) throw new Refusal(422, "customer/type", "the body: expected an object such as { \"customer\": { … } }");
  const inner = object(outer["customer"]);
  const customer = (inner && object(inner["customer"]) ? inner : outer) as unknown as Customer;
  const options: Question["options"] = {};
  const { asOf, top, explain } = outer;
  if (typeof asOf === "string") options.asOf = asOf;
  else if (asOf != null) throw mistyped("as-of", "asOf", "a date such as \"2026-04-01\"");
  if (typeof top === "number") options.top = top;
  else if (top != null) throw mistyped("top", "top", "an integer from 1");
  if (typeof explain === "boolean") options.explain = explain;
  else if (explain != null) throw mistyped("explain", "explain", "true or false");
  return { customer, options };
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
