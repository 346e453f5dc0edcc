// A customer being edited: what the form's few fields mean in the bank's rows. The names of tables and columns are
// those of the default schema.

import type { Customer, Value } from "nextbest";
import { bornFor, payday, shifted, yearsOld } from "./days.js";

/** A customer as the native side exports them for the demo. */
export interface Sample {
  readonly id: string;
  readonly asOf: string;
  readonly customer: Customer;
}

type Edited = Record<string, Value>;

/** One transaction, editable in place. */
export interface Transaction extends Edited {
  TRANSACTIONINITIATEDTIMESTAMP: string;
  TRANSACTIONAMOUNT?: number | null;
  TRANSACTIONTYPEID?: string | null;
}

const SALARY = "SALARY";
/** As many months as the widest default window reads. */
const SALARY_MONTHS = 12;

export class EditedCustomer {
  readonly asOf: string;
  readonly #rest: Customer;
  readonly #person: Edited;
  #accounts: Edited[];
  #transactions: Transaction[];
  // What switched-off products' rows were, so that switching on again restores the very same customer.
  readonly #removedAccounts = new Map<string, Edited[]>();
  // Each salary row's amount as a multiple of the salary, so that typing "3", "30", "300" loses no precision.
  #salaryShares: Map<Transaction, number> | undefined;

  constructor({ asOf, customer }: Sample) {
    const copy = structuredClone(customer);
    this.asOf = asOf;
    this.#rest = copy;
    this.#person = copy.customer as Edited;
    this.#accounts = (copy["accounts"] ?? []) as Edited[];
    this.#transactions = (copy["transactions"] ?? []) as unknown as Transaction[];
  }

  /** The rows as they stand now. */
  get customer(): Customer {
    return { ...this.#rest, customer: this.#person, accounts: this.#accounts, transactions: this.#transactions };
  }

  /** Whole years, or `null` without a date of birth. */
  get age(): number | null {
    const birth = this.#person["DATEOFBIRTH"];
    return typeof birth === "string" ? yearsOld(birth, this.asOf) : null;
  }

  set age(years: number | null) {
    this.#person["DATEOFBIRTH"] = years === null ? null : bornFor(years, this.asOf);
  }

  /** The amount of the latest salary; 0 without one. */
  get salary(): number {
    return this.#past().find((row) => row.TRANSACTIONTYPEID === SALARY)?.TRANSACTIONAMOUNT ?? 0;
  }

  /** Scales every salary that was paid; who had none gets one for each of the last twelve months. */
  set salary(amount: number) {
    const shares = (this.#salaryShares ??= this.#shares());
    const others = this.#transactions.filter((row) => !shares.has(row));
    for (const [row, share] of shares) row.TRANSACTIONAMOUNT = Math.round(share * amount * 100) / 100;
    this.#transactions = amount > 0 ? [...others, ...shares.keys()] : others;
  }

  get openAccounts(): number {
    return this.#accounts.filter((row) => this.#isOpen(row)).length;
  }

  holds(product: string): boolean {
    return this.#accounts.some((row) => this.#isOpen(row, product));
  }

  setHeld(product: string, held: boolean): void {
    if (held === this.holds(product)) return;
    if (held) {
      this.#accounts.push(...(this.#removedAccounts.get(product) ?? [this.#newAccount(product)]));
    } else {
      this.#removedAccounts.set(product, this.#accounts.filter((row) => this.#isOpen(row, product)));
      this.#accounts = this.#accounts.filter((row) => !this.#isOpen(row, product));
    }
  }

  get transactionCount(): number {
    return this.#transactions.length;
  }

  /** The latest transactions before `asOf`, the latest first. */
  latest(count: number): Transaction[] {
    return this.#past().slice(0, count);
  }

  add(type: string, amount: number): Transaction {
    const row: Transaction = {
      TRANSACTIONINITIATEDTIMESTAMP: `${shifted(this.asOf, -1)} 12:00:00`,
      TRANSACTIONAMOUNT: amount,
      TRANSACTIONTYPEID: type,
    };
    this.#transactions.push(row);
    this.#salaryShares = undefined;
    return row;
  }

  change(row: Transaction, values: Partial<Transaction>): void {
    Object.assign(row, values);
    this.#salaryShares = undefined;
  }

  remove(row: Transaction): void {
    this.#transactions = this.#transactions.filter((other) => other !== row);
    this.#salaryShares = undefined;
  }

  #past(): Transaction[] {
    const time = (row: Transaction): string => row.TRANSACTIONINITIATEDTIMESTAMP;
    const past = this.#transactions.filter((row) => time(row) < this.asOf);
    return past.sort((a, b) => (time(a) < time(b) ? 1 : time(a) > time(b) ? -1 : 0));
  }

  #shares(): Map<Transaction, number> {
    const salary = this.salary;
    if (salary > 0) {
      const paid = this.#transactions.filter((row) => row.TRANSACTIONTYPEID === SALARY);
      return new Map(paid.map((row) => [row, (row.TRANSACTIONAMOUNT ?? 0) / salary]));
    }
    const months = Array.from({ length: SALARY_MONTHS }, (_, index) => payday(this.asOf, index + 1));
    return new Map(
      months.map((day) => {
        const row = { TRANSACTIONINITIATEDTIMESTAMP: `${day} 08:00:00`, TRANSACTIONAMOUNT: 0, TRANSACTIONTYPEID: SALARY };
        return [row, 1];
      }),
    );
  }

  #isOpen(row: Edited, product = row["PRODUCTID"]): boolean {
    const { PRODUCTID: id, ORIGINATIONDATE: opened, CLOSEDDATE: closed } = row;
    const stillOpen = typeof closed !== "string" || closed >= this.asOf;
    return id === product && typeof opened === "string" && opened < this.asOf && stillOpen;
  }

  #newAccount(product: string): Edited {
    const since = this.#person["CUSTOMERESTABLISHEDDATE"];
    const yearAgo = shifted(this.asOf, -365);
    const opened = typeof since === "string" && since > yearAgo ? since.slice(0, 10) : yearAgo;
    return { PRODUCTID: product, ORIGINATIONDATE: opened };
  }
}
