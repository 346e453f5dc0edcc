// POST cases → what this runtime says of them.

import bundle from "../fixtures/label.bundle";
import bank from "../fixtures/policy.bundle";
import * as nextbest from "../../web/dist/index.js";
import wasm from "../../web/pkg/nextbest_wasm_bg.wasm";
import { askAll } from "./ask.mjs";

export default {
  async fetch(request) {
    await nextbest.init(wasm);
    const cases = await request.json();
    return Response.json(await askAll(nextbest, cases.rows ? bundle : bank, cases));
  },
};
