import { NextbestError } from "nextbest";

/** A request that gets nothing: the HTTP status and what the caller is told. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Record<string, string>;

  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** Sorts out whose fault an error is: the caller's, who is told everything, or ours, who tell only the code. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (!(error instanceof NextbestError)) return new Refusal(500, "worker/error", "the worker failed");
  const caller = /^(customer|options|sketch)\//.test(error.code);
  return caller
    ? new Refusal(422, error.code, error.message)
    : new Refusal(500, error.code, "the engine failed on this request; it has been restarted");
}
