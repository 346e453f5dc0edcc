// A thread of Node, which has a package of its own: starts it with the given module and scores everything.

import { parentPort, workerData } from "node:worker_threads";
import { differences } from "./bare.mjs";

const { index, module, ordinary, bundles } = workerData;
const { init, Recommender } = await import(index);
await init(module);
const before = await Recommender.load(ordinary);
const found = [];
for (const bundle of bundles) found.push(differences(before, await Recommender.load(bundle)));
parentPort.postMessage(found);
