// The page: loads the engine and the model, then scores at every change. Nothing is requested after that.

import { engineFile, init, NextbestError, Recommender } from "nextbest";
import { byId } from "./dom.js";
import { EditedCustomer, type Sample } from "./edit.js";
import { customerForm } from "./form.js";
import { showRecommendation } from "./offers.js";
import { keepOffline } from "./offline.js";
import { countRequests, showBytes, timeWhenQuiet } from "./proof.js";

try {
  const [recommender, samples] = await load();
  run(recommender, samples);
  showBytes();
  countRequests();
  document.documentElement.dataset["state"] = "ready";
  await keepOffline();
} catch (error) {
  document.documentElement.dataset["state"] = "failed";
  const failure = byId("failure", HTMLElement);
  failure.hidden = false;
  failure.textContent = `The page cannot start. ${error instanceof Error ? error.message : String(error)}`;
}

async function load(): Promise<[Recommender, Sample[]]> {
  const engine = init(new URL(engineFile(), document.baseURI));
  const bundle = fetched("nextbest.bundle").then((response) => response.arrayBuffer());
  const samples = fetched("customers.json").then((response) => response.json() as Promise<Sample[]>);
  await engine;
  return [await Recommender.load(await bundle), await samples];
}

async function fetched(name: string): Promise<Response> {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: the server answered ${response.status}`);
  return response;
}

function run(recommender: Recommender, samples: readonly Sample[]): void {
  const { products, tables, horizonDays } = recommender.schema;
  const type = tables
    .find(({ name }) => name === "transactions")
    ?.columns.find(({ name }) => name === "TRANSACTIONTYPEID")?.kind;
  const transactionTypes = typeof type === "object" ? type.category : [];
  let customer: EditedCustomer | undefined;

  function score(): void {
    if (!customer) return;
    const { asOf, customer: rows } = customer;
    const problem = byId("problem", HTMLElement);
    try {
      showRecommendation(recommender.recommend(rows, { asOf, top: products.length, counterfactual: true }), horizonDays);
      problem.hidden = true;
      timeWhenQuiet(() => recommender.recommend(rows, { asOf, top: 3 }));
    } catch (error) {
      if (!(error instanceof NextbestError)) throw error;
      problem.hidden = false;
      problem.textContent = error.message;
    }
  }

  function select(sample: Sample): void {
    customer = new EditedCustomer(sample);
    form.show(customer);
    score();
  }

  const form = customerForm({ samples, products, transactionTypes }, select, score);
  byId("version", HTMLElement).textContent = recommender.modelVersion;
  byId("hash", HTMLElement).textContent = recommender.contentHash;
  const [first] = samples;
  if (first) select(first);
}
