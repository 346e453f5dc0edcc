// Runs in Node, in the browser and in workerd alike: what loading a signed bundle says, for each of some changes to it.

/** The bundle's length without its last section (the signature's) and the hash behind it. */
const BEFORE_SIGNATURE = -32 - 104;

/** @returns what `load` said, by the name of what was tried: the error's code, or who signed it. */
export async function verifyAll({ NextbestError, Recommender }, bytes, key, otherKey) {
  const load = async (bundle, options) => {
    try {
      const recommender = await Recommender.load(bundle, options);
      const { signedBy, validity } = recommender;
      recommender.free();
      return { signedBy, number: validity.number, expires: validity.expires?.toISOString() };
    } catch (error) {
      if (!(error instanceof NextbestError)) throw error;
      return error.code;
    }
  };
  const publicKey = key;
  const now = new Date("2026-07-01");
  const tampered = await rehashed(changed(bytes, bytes.length >> 1));
  const forged = await rehashed(changed(bytes, bytes.length - 40));
  return {
    signed: await load(bytes, { publicKey, now }),
    "either key": await load(bytes, { publicKey: otherKey + key, now }),
    "raw key": await load(bytes, { publicKey: raw(key), now }),
    "shared memory": await load(shared(bytes), { publicKey, now }),
    "without a key": await load(bytes, { now }),
    "another key": await load(bytes, { publicKey: otherKey, now }),
    changed: await load(changed(bytes, bytes.length >> 1), { publicKey, now }),
    "changed, with a new hash": await load(tampered, { publicKey, now }),
    "forged signature": await load(forged, { publicKey, now }),
    stripped: await load(await stripped(bytes), { publicKey, now }),
    "stripped, without a key": await load(await stripped(bytes), { now }),
    "cut off": await load(bytes.slice(0, -40), { publicKey, now }),
    "something else": await load(new Uint8Array(1000), { publicKey, now }),
    "too early": await load(bytes, { publicKey, now: new Date("2025-12-31T23:59:59Z") }),
    "just valid": typeof (await load(bytes, { publicKey, now: new Date("2026-01-01") })),
    expired: await load(bytes, { now: new Date("2100-01-01") }),
    rollback: await load(bytes, { now, minimumNumber: 8 }),
    "no rollback": typeof (await load(bytes, { now, minimumNumber: 7 })),
    "a bad key": await load(bytes, { publicKey: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", now }),
    "no key at all": await load(bytes, { publicKey: null, now }),
    "an empty key": await load(bytes, { publicKey: "", now }),
    "a short key": await load(bytes, { publicKey: new Uint8Array(31), now }),
    "a bad moment": await load(bytes, { now: new Date(Number.NaN) }),
    "a bad number": await load(bytes, { minimumNumber: -1 }),
  };
}

/** What `verifyAll` must say. */
export function expected(signedBy) {
  const facts = { number: 7, expires: "2100-01-01T00:00:00.000Z" };
  return {
    signed: { signedBy, ...facts },
    "either key": { signedBy, ...facts },
    "raw key": { signedBy, ...facts },
    "shared memory": { signedBy, ...facts },
    "without a key": { signedBy: null, ...facts },
    "another key": "bundle/other-key",
    changed: "bundle/signature",
    "changed, with a new hash": "bundle/signature",
    "forged signature": "bundle/signature",
    stripped: "bundle/unsigned",
    "stripped, without a key": { signedBy: null, ...facts },
    "cut off": "bundle/unsigned",
    "something else": "bundle/magic",
    "too early": "bundle/not-yet-valid",
    "just valid": "object",
    expired: "bundle/expired",
    rollback: "bundle/rollback",
    "no rollback": "object",
    "a bad key": "options/public-key",
    "no key at all": "options/public-key",
    "an empty key": "options/public-key",
    "a short key": "options/public-key",
    "a bad moment": "options/now",
    "a bad number": "options/minimum-number",
  };
}

export function changed(bytes, at) {
  const copy = Uint8Array.from(bytes);
  copy[at] ^= 1;
  return copy;
}

/** The hash at the end made anew. */
export async function rehashed(bytes) {
  const copy = Uint8Array.from(bytes);
  copy.set(new Uint8Array(await crypto.subtle.digest("SHA-256", copy.subarray(0, -32))), copy.length - 32);
  return copy;
}

function stripped(bytes) {
  const copy = Uint8Array.from(bytes.subarray(0, BEFORE_SIGNATURE + 32));
  copy[12] -= 1;
  return rehashed(copy);
}

function raw(pem) {
  const base64 = pem.replace(/-----[A-Z ]+-----|\s/g, "");
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).subarray(-32);
}

// Pages have shared memory only where they ask for it with headers; everyone else shares nothing.
function shared(bytes) {
  if (typeof SharedArrayBuffer === "undefined") return bytes;
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
