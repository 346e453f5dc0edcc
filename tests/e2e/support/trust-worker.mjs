// POST { key, otherKey } → what this runtime says of the signed bundle.

import bundle from "../../../outputs/trust/bundle/nextbest.bundle";
import * as nextbest from "../../../web/dist/index.js";
import wasm from "../../../web/pkg/nextbest_wasm_bg.wasm";
import { verifyAll } from "./trust.mjs";

export default {
  async fetch(request) {
    await nextbest.init(wasm);
    const { key, otherKey } = await request.json();
    return Response.json(await verifyAll(nextbest, new Uint8Array(bundle), key, otherKey));
  },
};
