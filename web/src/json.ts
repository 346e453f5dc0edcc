// What crosses into the engine: JSON, as JSON.stringify writes it, but that nothing is lost on the way. There, an Infinity
// becomes null, a Map an empty object, and a whole number that a double can't hold another one. Here each keeps its name, and
// the engine says where it is wrong, if anywhere: what is not read means nothing.

import { NextbestError } from "./errors.js";

/** A customer, a row or options as text. */
export function written(value: unknown, code = "customer/type", name = "customer"): string {
  try {
    return isPlain(value) ? JSON.stringify(value) : anything(value);
  } catch (cause) {
    if (cause instanceof NextbestError) throw cause;
    // A getter or a proxy of the caller's.
    throw new NextbestError(code, `${name}: can't be read: ${cause}`, { cause });
  }
}

/** What a value is, for people. */
export function kindOf(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "symbol" || typeof value === "function") return `a ${typeof value}`;
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  if (value instanceof Date) return "an invalid Date";
  const { name } = (Object.getPrototypeOf(value) as { constructor?: { name?: unknown } }).constructor ?? {};
  return typeof name === "string" && name !== "" && name !== "Object" ? `an instance of ${name}` : "an object with a prototype or toJSON of its own";
}

// All that most customers consist of is written by the platform, which is faster.
function isPlain(value: unknown): boolean {
  if (!isObject(value)) return false;
  for (const name of Object.keys(value)) {
    const table = value[name];
    if (Array.isArray(table) ? !table.every(isPlainRow) : !(isPlainCell(table) || isPlainRow(table))) return false;
  }
  return true;
}

function isPlainRow(row: unknown): boolean {
  if (!isObject(row)) return false;
  for (const name of Object.keys(row)) if (!isPlainCell(row[name])) return false;
  return true;
}

function isPlainCell(cell: unknown): boolean {
  switch (typeof cell) {
    case "string":
    case "boolean":
    case "undefined":
      return true;
    case "number":
      return Math.abs(cell) <= Number.MAX_SAFE_INTEGER;
    default:
      return cell === null;
  }
}

// An object of tables, which are rows or one row; or an object of cells.
function anything(value: unknown): string {
  const table = (inner: unknown) => {
    if (inner === value) throw new NextbestError("customer/type", "customer: contains itself");
    const row = (cells: unknown) => (isObject(cells) && cells !== value ? object(cells, cell) : cell(cells));
    return Array.isArray(inner) ? `[${Array.from(inner, row).join(",")}]` : row(inner);
  };
  return isObject(value) ? object(value, table) : cell(value);
}

function object(value: Record<string, unknown>, write: (inner: unknown) => string): string {
  const fields: string[] = [];
  for (const name of Object.keys(value)) {
    const inner = value[name];
    if (inner !== undefined) fields.push(`${JSON.stringify(name)}:${write(inner)}`);
  }
  return `{${fields.join(",")}}`;
}

// What has no JSON stands as `!` and what it is: the engine refuses it where it reads it.
function cell(value: unknown): string {
  switch (typeof value) {
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "bigint":
      return String(value);
    case "number":
      // One that may have lost digits is written so that it can't be taken for an id.
      return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : String(value);
    case "undefined":
      return "null";
    default:
      if (value === null) return "null";
      if (value instanceof Date && !Number.isNaN(value.getTime())) return JSON.stringify(value.toISOString());
      return `!${JSON.stringify(kindOf(value))}`;
  }
}

/** An object of any realm, made by `{}` or `JSON.parse` and not by a class; and JSON.stringify would not ask it what to write. */
export function isObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null) return false;
  return typeof (value as { toJSON?: unknown }).toJSON !== "function";
}
