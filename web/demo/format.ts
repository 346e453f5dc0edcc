// Numbers and dates as the page writes them.

const percentage = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const amount = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const date = new Intl.DateTimeFormat("en", { dateStyle: "long", timeZone: "UTC" });

/** `12.3%`; what would round to nothing is said to be less than the least that is shown. */
export function percent(share: number): string {
  return share > 0 && share < 0.0005 ? "<0.1%" : percentage.format(share);
}

/** `× 1.8`: what odds are multiplied by, of what is added to their logarithm. */
export function times(logarithm: number): string {
  return `× ${number.format(Number(Math.exp(logarithm).toFixed(2)))}`;
}

/** `+1.23 pts`: percentage points that are added to a probability. */
export function points(share: number): string {
  return share < 0.00005 ? "+<0.01 pts" : `+${(share * 100).toFixed(2)} pts`;
}

export function money(value: number): string {
  return amount.format(value);
}

export function plain(value: number): string {
  return number.format(value);
}

/** `2 kB`, in thousands as browsers' network panels count. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  return count < 999_500 ? `${(count / 1000).toFixed(count < 9950 ? 1 : 0)} kB` : `${(count / 1e6).toFixed(2)} MB`;
}

/** A time in milliseconds, in the unit that suits it. */
export function duration(milliseconds: number): string {
  return milliseconds < 1 ? `${Math.round(milliseconds * 1000)} µs` : `${milliseconds.toFixed(2)} ms`;
}

/** `April 1, 2026` for `2026-04-01`. */
export function longDate(day: string): string {
  return date.format(new Date(`${day.slice(0, 10)}T00:00:00Z`));
}
