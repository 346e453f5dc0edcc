// POST rows of the plain table → what this runtime says of them.

import bundle from "../../fixtures/label.bundle";
import { init, Recommender } from "../../../web/dist/index.js";
import wasm from "../../../web/pkg/nextbest_wasm_bg.wasm";
import { scoreAll } from "./plain.mjs";

export default {
  async fetch(request) {
    await init(wasm);
    return Response.json(scoreAll(await Recommender.load(bundle), await request.json()));
  },
};
