// A thread of Node, which has a package of its own: starts it with the given module and computes everything.

import { parentPort, workerData } from "node:worker_threads";
import { computeAll } from "./parity.mjs";

const { index, module, bundle, cases } = workerData;
const { init, Recommender } = await import(index);
await init(module);
parentPort.postMessage(computeAll(await Recommender.load(bundle), cases));
