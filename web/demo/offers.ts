// The right side: what the engine answered.

import type { Offer, Reason, Recommendation, Withheld } from "nextbest";
import { byId, element } from "./dom.js";
import { longDate, money, percent, plain, points, times } from "./format.js";

/** So many offers are shown with their reasons; the others in one line each. */
const FEATURED = 3;
/** The right ends that a bar's scale may have. A scale that moved with every keystroke would hide what changes. */
const SCALES = [0.05, 0.1, 0.25, 0.5, 1];
/** Long enough that a screen reader is not interrupted at every keystroke. */
const ANNOUNCE_AFTER = 700;

let announcing: ReturnType<typeof setTimeout> | undefined;

export function showRecommendation(answer: Recommendation, horizonDays: number): void {
  const most = Math.max(0, ...answer.offers.map((offer) => offer.probability));
  const scale = SCALES.find((end) => most <= end) ?? 1;
  const ofOdds = answer.reasonMethod.includes("log-odds");
  fill("offers", answer.offers.slice(0, FEATURED), (offer) => offerCard(offer, scale, ofOdds));
  fill("more", answer.offers.slice(FEATURED), (offer) => offerLine(offer, scale));
  fill("withheld", answer.withheld, withheldLine);

  byId("more-title", HTMLElement).hidden = answer.offers.length <= FEATURED;
  byId("withheld-title", HTMLElement).hidden = answer.withheld.length === 0;
  byId("no-offers", HTMLElement).hidden = answer.offers.length > 0;
  byId("no-offers", HTMLElement).textContent = withoutOffers(answer);
  byId("as-of", HTMLElement).textContent = `as of ${longDate(answer.asOf)}, for the ${horizonDays} days after`;
  byId("none", HTMLElement).textContent = answer.noneProbability === null ? "not scored" : percent(answer.noneProbability);
  byId("scale", HTMLElement).textContent = `${plain(scale * 100)}%`;
  byId("unit", HTMLElement).textContent = ofOdds ? "multiplies the odds by" : "adds to the probability";
  byId("method", HTMLElement).textContent = answer.reasonMethod;
  const other = byId("other", HTMLElement);
  other.hidden = answer.counterfactual === null;
  other.textContent = otherOffer(answer);
  const [best] = answer.offers;
  byId("peek-text", HTMLElement).textContent = best ? `${best.product} ${percent(best.probability)}` : "No offers";
  announce(answer);
}

function otherOffer({ counterfactual }: Recommendation): string {
  if (counterfactual === null) return "";
  const changes = counterfactual.changes.map(({ label, fromText, toText }) => `${label} ${toText} instead of ${fromText}`);
  return `With ${changes.join(" and ")}, ${counterfactual.product} would come first.`;
}

function withoutOffers({ stopped, arm, fallback }: Recommendation): string {
  if (stopped) return `This customer is not scored: ${stopped.rule} (${stopped.detail}).`;
  if (arm === "holdout") return "This customer is in the holdout of an experiment, who get no offers.";
  return fallback === null ? "No product may be offered to this customer." : `No product may be offered; instead: ${fallback}.`;
}

// Items keep their elements from one answer to the next, so that bars move instead of jumping.
const shown = new Map<string, { item: HTMLLIElement; key: string }[]>();

function fill<T extends { product: string }>(id: string, values: readonly T[], make: (value: T) => HTMLLIElement): void {
  const list = byId(id, HTMLElement);
  const before = shown.get(id) ?? [];
  const sameOrder = before.length === values.length && values.every((value, at) => value.product === before[at]?.key);
  const now = values.map((value) => ({ item: make(value), key: value.product }));
  if (sameOrder) {
    now.forEach((fresh, at) => update(before[at]?.item, fresh.item));
    return;
  }
  shown.set(id, now);
  list.replaceChildren(...now.map(({ item }) => item));
}

// Takes over the new texts and widths, piece by piece.
function update(old: HTMLLIElement | undefined, fresh: HTMLLIElement): void {
  if (!old) return;
  const bars = old.querySelectorAll<HTMLElement>(".bar > span");
  fresh.querySelectorAll<HTMLElement>(".bar > span").forEach((bar, at) => {
    bars[at]?.style.setProperty("width", bar.style.width);
  });
  fresh.querySelectorAll("[data-part]").forEach((part) => {
    const name = part.getAttribute("data-part");
    old.querySelector(`[data-part="${name}"]`)?.replaceWith(part);
  });
}

function offerCard(offer: Offer, scale: number, ofOdds: boolean): HTMLLIElement {
  const value = offer.expectedValue === null ? null : [element("dt", {}, "Expected value"), element("dd", {}, money(offer.expectedValue))];
  return element("li", { class: "offer", "data-offer": offer.product },
    element("div", { class: "headline" },
      element("h3", {}, offer.product),
      element("span", { class: "probability", "data-part": "probability" }, percent(offer.probability))),
    bar(offer.probability / scale),
    element("div", { class: "why", "data-part": "why" },
      reasonList(offer.reasons, ofOdds),
      value && element("dl", { class: "value" }, ...value)));
}

function offerLine(offer: Offer, scale: number): HTMLLIElement {
  return element("li", { class: "line", "data-offer": offer.product },
    element("span", {}, offer.product),
    bar(offer.probability / scale),
    element("span", { class: "probability", "data-part": "probability" }, percent(offer.probability)));
}

function withheldLine(withheld: Withheld): HTMLLIElement {
  return element("li", { class: "line", "data-withheld": withheld.product },
    element("span", {}, withheld.product),
    element("span", { "data-part": "rule" },
      element("span", { class: "rule" }, withheld.rule), " ", element("small", {}, withheld.detail)));
}

function reasonList(reasons: readonly Reason[], ofOdds: boolean): HTMLElement {
  if (reasons.length === 0) return element("p", { class: "note" }, "Nothing about this customer speaks for it in particular.");
  return element("ul", { class: "reasons" }, ...reasons.map(({ text, contribution }) =>
    element("li", {},
      element("span", {}, text),
      element("span", { class: "contribution" }, ofOdds ? times(contribution) : points(contribution)))));
}

// A picture of the number beside it, so it is hidden from screen readers.
function bar(share: number): HTMLElement {
  const filled = element("span");
  filled.style.setProperty("width", `${(Math.min(1, share) * 100).toFixed(2)}%`);
  return element("div", { class: "bar", "aria-hidden": "true" }, filled);
}

function announce({ offers, withheld }: Recommendation): void {
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    const named = offers.slice(0, FEATURED).map(({ product, probability }) => `${product} ${percent(probability)}`);
    const offered = named.length > 0 ? `Offers: ${named.join(", ")}.` : "No offers.";
    byId("announcement", HTMLElement).textContent = `${offered} ${withheld.length} products withheld.`;
  }, ANNOUNCE_AFTER);
}
