// Runs in Node, in the browser and in workerd alike: what the package says of each case, an answer or an error.

/** @returns one of `{ answer }` and `{ code, message }` a case. */
export async function askAll({ NextbestError, Recommender }, bundle, { rows, customers, asOf }) {
  const recommender = await Recommender.load(bundle);
  const said = (ask) => {
    try {
      return { answer: ask() };
    } catch (error) {
      if (!(error instanceof NextbestError)) throw error;
      return { code: error.code, message: error.message };
    }
  };
  const answers = rows
    ? rows.map(({ row }) => said(() => recommender.scoreRow(record(row))))
    : customers.map(({ customer, options }) => said(() => recommender.recommend(bank(customer), { asOf, ...record(options) })));
  recommender.free();
  return answers;
}

function bank(customer) {
  if (isCell(customer)) return value(customer);
  const tables = Object.entries(customer).map(([name, rows]) => [name, Array.isArray(rows) ? rows.map(record) : record(rows)]);
  return Object.fromEntries(tables);
}

function record(row) {
  return isCell(row) ? value(row) : Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, value(cell)]));
}

const KINDS = ["text", "int", "float", "bool", "null", "instant", "list", "object"];

function isCell(row) {
  const names = Object.keys(row);
  return names.length === 1 && KINDS.includes(names[0]);
}

/** A cell as JavaScript has it. */
function value(cell) {
  const [[kind, said]] = Object.entries(cell);
  switch (kind) {
    case "int":
      return Number.isSafeInteger(Number(said)) ? Number(said) : BigInt(said);
    case "float":
      return Number(said.replace("inf", "Infinity"));
    case "instant":
      return new Date(said);
    case "list":
      return [1];
    case "object":
      return { a: 1 };
    default:
      return said;
  }
}
