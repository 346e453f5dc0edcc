import { Refusal } from "./refusal.js";

/** The largest body that is read: a customer with ten thousand transactions is about as large. */
export const MAX_BODY_BYTES = 1 << 20;

/** Reads and parses a JSON body, refusing another media type, a body that is too large, and text that is not JSON. */
export async function readBody(request: Request): Promise<unknown> {
  const mediaType = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") {
    throw new Refusal(415, "request/media-type", "send the customer as content-type: application/json");
  }
  // What the header admits to is refused before a byte is read; what it hides is counted on the way in.
  if (Number(request.headers.get("content-length")) > MAX_BODY_BYTES) throw tooLarge();
  const bytes = await collect(request.body);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Refusal(400, "request/json", "the body is not JSON in UTF-8");
  }
}

async function collect(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = body?.getReader();
  for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
    size += part.value.byteLength;
    if (size > MAX_BODY_BYTES) {
      await reader?.cancel();
      throw tooLarge();
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

function tooLarge(): Refusal {
  return new Refusal(413, "request/too-large", `the body is larger than ${MAX_BODY_BYTES} bytes`);
}
