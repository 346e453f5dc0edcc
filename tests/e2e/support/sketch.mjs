// Runs in Node, in the browser and in workerd alike: sketches of the same rows, by the same random bytes.

/** @returns three sketches of these customers, each counted twice, as hexadecimal digits. */
export async function sketchAll({ Recommender }, bytes, cases) {
  const recommender = await Recommender.load(bytes);
  const restore = predictable();
  try {
    const sketches = [];
    for (let round = 0; round < 3; round += 1) {
      for (const { customer, asOf } of [...cases, ...cases]) {
        recommender.observe(recommender.features(customer, { asOf }), { consent: true });
      }
      sketches.push(hex(recommender.sketch()));
    }
    return sketches;
  } finally {
    restore();
    recommender.free();
  }
}

/** Puts a sequence that is the same everywhere in the place of the platform's random bytes, until it is told to restore them. */
export function predictable(seed = 1) {
  let state = seed;
  const getRandomValues = (bytes) => {
    for (let at = 0; at < bytes.length; at += 1) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      bytes[at] = state >>> 24;
    }
    return bytes;
  };
  Object.defineProperty(crypto, "getRandomValues", { configurable: true, value: getRandomValues });
  // The platform's own is its prototype's.
  return () => delete crypto.getRandomValues;
}

/** A sketch's parts, read by what docs say and not by the engine. */
export function parts(bytes) {
  const numbers = [];
  for (let at = 30, number = 0, scale = 1; at < bytes.length - 8; at += 1) {
    number += (bytes[at] & 127) * scale;
    scale *= 128;
    if (bytes[at] > 127) continue;
    numbers.push(number);
    [number, scale] = [0, 1];
  }
  const [rows, ...counts] = numbers;
  return { flags: bytes[5], bundle: hex(bytes.subarray(6, 22)), identity: hex(bytes.slice(22, 30).reverse()), rows, counts };
}

/** With the checksum that it should have. */
export async function sealed(bytes) {
  const copy = Uint8Array.from(bytes);
  const content = copy.subarray(0, -8);
  copy.set(new Uint8Array(await crypto.subtle.digest("SHA-256", content)).subarray(0, 8), content.length);
  return copy;
}

function hex(bytes) {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
