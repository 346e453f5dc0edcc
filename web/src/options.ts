import { NextbestError } from "./errors.js";
import { isObject, kindOf } from "./json.js";

/** What is given in an object of options; of `known` names, where they are not the engine's to check. */
export function optionsOf(options: unknown, known?: readonly string[]): Record<string, unknown> {
  if (!isObject(options)) {
    throw new NextbestError("options/type", `options: expected an object, got ${kindOf(options)}`);
  }
  const given: Record<string, unknown> = { ...options };
  const unknown = known && Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const message = `unknown option ${JSON.stringify(unknown)}; the options are ${known?.join(", ")}`;
    throw new NextbestError("options/unknown", message);
  }
  return given;
}
