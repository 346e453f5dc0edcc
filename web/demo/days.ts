// Days as the bank's tables write them: `YYYY-MM-DD`, without time zones.

const DAY = 86_400_000;

/** The day `days` after (negative: before) another. */
export function shifted(day: string, days: number): string {
  return new Date(Date.parse(`${day.slice(0, 10)}T00:00:00Z`) + days * DAY).toISOString().slice(0, 10);
}

/** The years from a birth to a day, whole years only, as a calendar has them: who was born on 29 February is older from 1 March on. */
export function yearsOld(birth: string, day: string): number {
  const years = Number(day.slice(0, 4)) - Number(birth.slice(0, 4));
  return day.slice(5, 10) < birth.slice(5, 10) ? years - 1 : years;
}

/** A birth that makes someone this old on a day: in the middle of the year, where no way of counting disagrees. */
export function bornFor(age: number, day: string): string {
  return shifted(day, -Math.round((age + 0.5) * 365.25));
}

/** The day of a monthly payment that lies `months` whole months before a day's month. */
export function payday(day: string, months: number): string {
  const [year = 0, month = 1] = day.split("-").map(Number);
  return new Date(Date.UTC(year, month - 1 - months, 25)).toISOString().slice(0, 10);
}
