// Who signed a bundle. The platform's WebCrypto verifies, so that it costs the engine nothing; docs/FORMAT.md says where the
// signature stands.

import { NextbestError } from "./errors.js";
import type { PublicKey } from "./types.js";

/** The last section: its tag and length, the public key, the signature; behind it the file's hash. */
const TAG = [0x53, 0x49, 0x47, 0x4e, 96, 0, 0, 0];
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const SECTION_BYTES = TAG.length + KEY_BYTES + SIGNATURE_BYTES;
const HASH_BYTES = 32;
const MAGIC = [...new TextEncoder().encode("NEXTBEST")];

/** What every Ed25519 key in SubjectPublicKeyInfo begins with (RFC 8410). */
const SPKI = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const ED25519 = { name: "Ed25519" };

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Checks that one of the keys signed the bundle, and says which: its fingerprint.
 *
 * @throws NextbestError `bundle/unsigned`, `bundle/other-key`, `bundle/signature`, `options/public-key`, `platform/ed25519`.
 */
export async function verified(bundle: Bytes, publicKey: PublicKey): Promise<string> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) throw unsupported();
  const keys = await rawKeys(subtle, publicKey);
  const asked = (await Promise.all(keys.map((key) => fingerprint(subtle, key)))).join(" or ");
  if (!startsWith(bundle, MAGIC)) {
    throw new NextbestError("bundle/magic", "bundle: not a nextbest bundle (the first bytes differ)");
  }
  const at = bundle.length - HASH_BYTES - SECTION_BYTES;
  if (at < MAGIC.length || !startsWith(bundle.subarray(at), TAG)) {
    const message = `bundle: not signed, but only bundles signed by key ${asked} may be used: fetch the signed one`;
    throw new NextbestError("bundle/unsigned", message);
  }
  const named = bundle.subarray(at + TAG.length, at + TAG.length + KEY_BYTES);
  const name = await fingerprint(subtle, named);
  const key = keys.find((key) => startsWith(named, [...key]));
  if (!key) {
    const message = `bundle: signed by key ${name}, but only bundles signed by key ${asked} may be used`;
    throw new NextbestError("bundle/other-key", message);
  }
  const signature = bundle.subarray(at + TAG.length + KEY_BYTES, at + SECTION_BYTES);
  if (!(await verifies(subtle, key, signature, bundle.subarray(0, at)))) {
    const message = `bundle: the signature of key ${name} does not verify: the file was changed after it was signed, fetch it again`;
    throw new NextbestError("bundle/signature", message);
  }
  return name;
}

async function verifies(subtle: SubtleCrypto, raw: Bytes, signature: Bytes, message: Bytes): Promise<boolean> {
  try {
    const key = await subtle.importKey("raw", raw, ED25519, false, ["verify"]);
    return await subtle.verify(ED25519, key, signature, message);
  } catch (cause) {
    // Platforms that know the algorithm may find the key itself at fault.
    if (cause instanceof Error && cause.name === "DataError") throw mistyped(cause);
    throw unsupported(cause);
  }
}

/** The 32 bytes of each key. */
async function rawKeys(subtle: SubtleCrypto, publicKey: PublicKey): Promise<Bytes[]> {
  if (typeof publicKey === "string") return pemKeys(publicKey);
  if (publicKey instanceof Uint8Array && publicKey.length === KEY_BYTES) return [Uint8Array.from(publicKey)];
  try {
    const key = publicKey as CryptoKey;
    const raw = new Uint8Array(await subtle.exportKey("raw", key));
    if (key.algorithm.name === ED25519.name && raw.length === KEY_BYTES) return [raw];
  } catch (cause) {
    throw mistyped(cause);
  }
  throw mistyped();
}

function pemKeys(text: string): Bytes[] {
  const blocks = [...text.matchAll(/-----BEGIN PUBLIC KEY-----([^-]*)-----END PUBLIC KEY-----/g)];
  const keys = blocks.map(([, base64 = ""]) => {
    try {
      const bytes = Uint8Array.from(atob(base64.replace(/\s/g, "")), (letter) => letter.charCodeAt(0));
      return startsWith(bytes, SPKI) ? bytes.slice(SPKI.length) : new Uint8Array();
    } catch (cause) {
      throw mistyped(cause);
    }
  });
  if (keys.length === 0 || keys.some((key) => key.length !== KEY_BYTES)) throw mistyped();
  return keys;
}

/** A public key's name for people: the first 16 hexadecimal digits of its SHA-256. */
async function fingerprint(subtle: SubtleCrypto, key: Bytes): Promise<string> {
  const hash = new Uint8Array(await subtle.digest("SHA-256", key));
  return [...hash.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return bytes.length >= start.length && start.every((byte, at) => bytes[at] === byte);
}

function mistyped(cause?: unknown): NextbestError {
  const message =
    "publicKey: expected a public Ed25519 key: the text of the file that `nextbest keygen` wrote, its 32 bytes, or a " +
    "CryptoKey that can be exported";
  return new NextbestError("options/public-key", message, { cause });
}

function unsupported(cause?: unknown): NextbestError {
  const message =
    "publicKey: this platform can't verify Ed25519 signatures (browsers do on pages with TLS: Chrome 137, Firefox 129, " +
    "Safari 17): the bundle is not used";
  return new NextbestError("platform/ed25519", message, { cause });
}
