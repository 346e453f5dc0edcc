// POST [{ id, asOf, customer }] → what this runtime computes for them.

import bundle from "../../../outputs/bundle/nextbest.bundle";
import { init, Recommender } from "../../../web/dist/index.js";
import wasm from "../../../web/pkg/nextbest_wasm_bg.wasm";
import { computeAll } from "./parity.mjs";

export default {
  async fetch(request) {
    await init(wasm);
    return Response.json(computeAll(await Recommender.load(bundle), await request.json()));
  },
};
