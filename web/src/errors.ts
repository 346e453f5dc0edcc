/**
 * Every error that this package throws on purpose.
 *
 * `code` is stable and meant for programs; `message` names the field and says what to do, and is meant for people.
 *
 * | code starts with | the fault lies with |
 * | --- | --- |
 * | `init/` | starting the WebAssembly module: not started, not fetched, not compiled |
 * | `bundle/` | the bundle: truncated, altered, too new, failed self-test; unsigned, expired, older than one that was met |
 * | `customer/`, `options/`, `row/` | the arguments of one call: wrong type, date out of range, wrong length |
 * | `sketch/` | counting rows: too few to be handed out, no profile in the bundle, or bytes that are no sketch of it |
 * | `recommender/` | the use of the object: called after `free()`, or asked what its model does not answer |
 * | `platform/` | this browser or runtime, which lacks what is asked for |
 * | `engine/` | the engine itself: it crashed, has been restarted, and the call can be made again |
 */
export class NextbestError extends Error {
  override readonly name = "NextbestError";
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * @internal
 * Turns an error that the engine *returned* into a `NextbestError`; `undefined` for anything else, which means that
 * the call did not end in an orderly way.
 */
export function returnedByEngine(thrown: unknown): NextbestError | undefined {
  if (thrown instanceof NextbestError) return thrown;
  if (!(thrown instanceof Error) || thrown.name !== "NextbestError") return undefined;
  const code = (thrown as { code?: unknown }).code;
  return new NextbestError(typeof code === "string" ? code : "engine/error", thrown.message);
}
