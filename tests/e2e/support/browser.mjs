import { existsSync } from "node:fs";
import { fromWeb } from "./artefacts.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** A new, empty Chromium, to be closed. */
export async function chromium() {
  if (!existsSync(CHROMIUM)) {
    throw new Error(`no Chromium at ${CHROMIUM}: install the package chromium, or name the program in CHROMIUM`);
  }
  return fromWeb("playwright-core").chromium.launch({
    executablePath: CHROMIUM,
    // Root needs --no-sandbox; the others keep the browser itself from talking to the network.
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  });
}
