// The list of the latest transactions. A row that is being edited stays in its place; the list is sorted anew when
// rows come and go.

import { shifted } from "./days.js";
import { byId, element } from "./dom.js";
import type { EditedCustomer, Transaction } from "./edit.js";

const SHOWN = 6;
/** No customer is that old, and no row older than its customer. */
const EARLIEST = "1900-01-01";

export function showTransactions(customer: EditedCustomer, types: readonly string[], changed: () => void): void {
  const refresh = (): void => showTransactions(customer, types, changed);
  const latest = customer.latest(SHOWN);
  const rows = latest.map((row) => {
    const remove = element("button", { type: "button", class: "quiet", "aria-label": "Remove this transaction" }, "×");
    remove.addEventListener("click", () => {
      customer.remove(row);
      refresh();
      changed();
      byId("add", HTMLButtonElement).focus();
    });
    return element("li", {}, dateField(customer, row, changed), typeField(customer, row, types, changed),
      amountField(customer, row, changed), remove);
  });
  byId("transactions", HTMLUListElement).replaceChildren(...rows);
  byId("transaction-count", HTMLElement).textContent =
    `the latest ${latest.length} of ${customer.transactionCount}, all of them are read`;

  byId("add", HTMLButtonElement).onclick = () => {
    const added = customer.add(types.includes("CARD") ? "CARD" : (types[0] ?? ""), -50);
    refresh();
    changed();
    const position = customer.latest(SHOWN).indexOf(added);
    byId("transactions", HTMLUListElement).children[position]?.querySelector<HTMLElement>("[type=number]")?.focus();
  };
}

function dateField(customer: EditedCustomer, row: Transaction, changed: () => void): HTMLInputElement {
  const [day = "", ...time] = row.TRANSACTIONINITIATEDTIMESTAMP.split(" ");
  const latest = shifted(customer.asOf, -1);
  const field = element("input", { type: "date", value: day, min: EARLIEST, max: latest, "aria-label": "Date" });
  field.addEventListener("input", () => {
    const valid = field.value !== "" && field.validity.valid;
    field.setAttribute("aria-invalid", String(!valid));
    if (!valid) return;
    customer.change(row, { TRANSACTIONINITIATEDTIMESTAMP: [field.value, ...time].join(" ") });
    changed();
  });
  return field;
}

function typeField(
  customer: EditedCustomer,
  row: Transaction,
  types: readonly string[],
  changed: () => void,
): HTMLSelectElement {
  const current = row.TRANSACTIONTYPEID ?? "";
  const known = types.includes(current) ? types : [current, ...types];
  const options = known.map((type) => element("option", { value: type, selected: type === current }, words(type)));
  const field = element("select", { "aria-label": "Type" }, ...options);
  field.addEventListener("change", () => {
    customer.change(row, { TRANSACTIONTYPEID: field.value || null });
    changed();
  });
  return field;
}

function amountField(customer: EditedCustomer, row: Transaction, changed: () => void): HTMLInputElement {
  const value = String(row.TRANSACTIONAMOUNT ?? "");
  const field = element("input", { type: "number", step: "any", value, "aria-label": "Amount, negative going out" });
  field.addEventListener("input", () => {
    const valid = field.validity.valid && !Number.isNaN(field.valueAsNumber);
    field.setAttribute("aria-invalid", String(!valid));
    if (!valid) return;
    customer.change(row, { TRANSACTIONAMOUNT: field.valueAsNumber });
    changed();
  });
  return field;
}

/** `Standing order` for `STANDING_ORDER`. */
function words(id: string): string {
  if (id === "") return "Not known";
  const text = id.replaceAll("_", " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
