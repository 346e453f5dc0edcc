import { Refusal } from "./refusal.js";

/** The largest body that is read: a customer with ten thousand transactions is about as large. */
export const MAX_BODY_BYTES = 1 << 20;

/** Reads and parses a JSON body, refusing another media type, a body that is too large, and text that is not JSON. */
export async function readJson(request: Request): Promise<unknown> {
  const bytes = await readBytes(request, "application/json", MAX_BODY_BYTES);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    // Asking about every value takes time; few bodies have a number that needs it.
    return JSON.parse(text, /\d{16}/.test(text) ? (withItsDigits as Reviver) : undefined);
  } catch {
    throw new Refusal(400, "request/json", "the body is not JSON in UTF-8");
  }
}

type Reviver = Parameters<typeof JSON.parse>[1];

// A whole number that a double can't hold (an id) keeps its digits.
function withItsDigits(_name: string, value: unknown, { source }: { source?: string }): unknown {
  const isRounded = Number.isInteger(value) && !Number.isSafeInteger(value);
  return isRounded && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

/** Reads a body, refusing another media type and more than `most` bytes. */
export async function readBytes(request: Request, mediaType: string, most: number): Promise<Uint8Array> {
  if (request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() !== mediaType) {
    throw new Refusal(415, "request/media-type", `send the body as content-type: ${mediaType}`);
  }
  // What the header admits to is refused before a byte is read; what it hides is counted on the way in.
  if (Number(request.headers.get("content-length")) > most) throw tooLarge(most);
  return collect(request.body, most);
}

async function collect(body: ReadableStream<Uint8Array> | null, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = body?.getReader();
  for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
    size += part.value.byteLength;
    if (size > most) {
      await reader?.cancel();
      throw tooLarge(most);
    }
    chunks.push(part.value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

function tooLarge(most: number): Refusal {
  return new Refusal(413, "request/too-large", `the body is larger than ${most} bytes`);
}
