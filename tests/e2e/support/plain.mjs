// Runs in Node, in the browser and in workerd alike: what the package says of each row of a plain table.

/** @returns {{ classes: { name: string, probability: number }[], modelVersion: string }[]} */
export function scoreAll(recommender, rows) {
  return rows.map((row) => recommender.scoreRow(row));
}
