// The left side: the customer's few fields that can be edited. Every valid keystroke calls `changed`; an invalid one
// is marked where it stands and changes nothing.

import type { Product } from "nextbest";
import { byId, element } from "./dom.js";
import { EditedCustomer, type Sample } from "./edit.js";
import { showTransactions } from "./transactions.js";

export interface Form {
  /** Fills the fields with another customer. */
  show(customer: EditedCustomer): void;
}

interface Choices {
  readonly samples: readonly Sample[];
  readonly products: readonly Product[];
  readonly transactionTypes: readonly string[];
}

export function customerForm(choices: Choices, select: (sample: Sample) => void, changed: () => void): Form {
  const age = byId("age", HTMLInputElement);
  const ageSlider = byId("age-slider", HTMLInputElement);
  const salary = byId("salary", HTMLInputElement);
  const { samples, products, transactionTypes } = choices;
  let customer: EditedCustomer | undefined;

  chooser(samples, select);
  const switches = productSwitches(products, (id, held) => {
    customer?.setHeld(id, held);
    changed();
  });
  onNumber(age, (years) => {
    ageSlider.value = String(years);
    if (customer) customer.age = years;
    changed();
  });
  ageSlider.addEventListener("input", () => {
    age.value = ageSlider.value;
    markValidity(age);
    if (customer) customer.age = Number(ageSlider.value);
    changed();
  });
  onNumber(salary, (amount) => {
    if (customer) customer.salary = amount;
    refreshTransactions();
    changed();
  });

  function refreshTransactions(): void {
    if (customer) showTransactions(customer, transactionTypes, transactionsChanged);
  }

  function transactionsChanged(): void {
    if (customer && document.activeElement !== salary) salary.value = String(customer.salary);
    changed();
  }

  return {
    show(next) {
      customer = next;
      age.value = ageSlider.value = String(next.age ?? "");
      salary.value = String(next.salary);
      for (const field of [age, salary]) markValidity(field);
      for (const [id, box] of switches) box.checked = next.holds(id);
      refreshTransactions();
    },
  };
}

function chooser(samples: readonly Sample[], select: (sample: Sample) => void): void {
  const list = byId("sample", HTMLSelectElement);
  list.replaceChildren(...samples.map((sample, index) => element("option", { value: String(index) }, describe(sample))));
  const choose = (): void => {
    const sample = samples[list.selectedIndex];
    if (sample) select(sample);
  };
  list.addEventListener("change", choose);
  byId("reset", HTMLButtonElement).addEventListener("click", choose);
}

function describe(sample: Sample): string {
  const { age, openAccounts, transactionCount } = new EditedCustomer(sample);
  const years = age === null ? "age not known" : `${age} years old`;
  return `${sample.id}: ${years}, ${openAccounts} products, ${transactionCount} transactions`;
}

function productSwitches(
  products: readonly Product[],
  toggled: (id: string, held: boolean) => void,
): Map<string, HTMLInputElement> {
  const boxes = new Map<string, HTMLInputElement>();
  const items = products.map(({ id, name }) => {
    const box = element("input", { type: "checkbox", role: "switch", "data-product": id });
    box.addEventListener("change", () => toggled(id, box.checked));
    boxes.set(id, box);
    return element("li", {}, element("label", { class: "switch" }, box, element("span", {}, name)));
  });
  byId("held", HTMLUListElement).replaceChildren(...items);
  return boxes;
}

/** Calls `use` with every valid number that is typed, and marks what is not one. */
function onNumber(field: HTMLInputElement, use: (value: number) => void): void {
  field.addEventListener("input", () => {
    if (markValidity(field)) use(field.valueAsNumber);
  });
}

function markValidity(field: HTMLInputElement): boolean {
  const valid = field.validity.valid && !Number.isNaN(field.valueAsNumber);
  field.setAttribute("aria-invalid", String(!valid));
  return valid;
}
