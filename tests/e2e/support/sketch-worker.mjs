// POST customers → the sketches that this runtime makes of them, by each of two bundles.

import plain from "../../../outputs/bundle/nextbest.bundle";
import randomised from "../../../outputs/randomised/bundle/nextbest.bundle";
import * as nextbest from "../../../web/dist/index.js";
import wasm from "../../../web/pkg/nextbest_wasm_bg.wasm";
import { sketchAll } from "./sketch.mjs";

export default {
  async fetch(request) {
    await nextbest.init(wasm);
    const cases = await request.json();
    return Response.json([await sketchAll(nextbest, plain, cases), await sketchAll(nextbest, randomised, cases)]);
  },
};
