// Codes of the contract → words.
import { list, named, t } from "../strings.js";

export const OUTCOMES = ["done", "accepted", "supplement", "rejected", "withdrawn", "advice"];

const OUTCOME = {
  done: () => t("Done"),
  accepted: () => t("Accepted"),
  supplement: () => t("To supplement"),
  rejected: () => t("Not accepted"),
  withdrawn: () => t("Withdrawn"),
  advice: () => t("Advice"),
};

const STATE = {
  waiting: () => t("waiting"),
  called: () => t("called"),
  serving: () => t("being served"),
  held: () => t("on hold"),
  finished: () => t("finished"),
  no_show: () => t("missed"),
  cancelled: () => t("cancelled"),
  expired: () => t("expired"),
};

const HOLD = {
  papers: () => t("fetching papers"),
  kept: () => t("papers kept here"),
  waiting: () => t("something awaited"),
};

const COUNTER = { open: () => t("Open"), paused: () => t("Paused"), closed: () => t("Closed") };

export const outcomeWords = (code) => OUTCOME[code]();
export const stateWords = (code) => STATE[code]();
export const holdWords = (code) => (HOLD[code] ? HOLD[code]() : "");
export const counterWords = (code) => COUNTER[code]();

/** What people read of a counter: "3" is "Counter 3", any other name stands for itself. */
export function counterName(one) {
  const name = named(one) || "";
  return /^\d+$/.test(name) ? t("Counter {name}", { name }) : name;
}

export const itemsWords = (items) => list(items.map(named));

/** What a refusal means, in one line: the server's words, with the field it is about. */
export function refusalWords(problem) {
  const fields = problem.errors.map((error) => error.message).filter(Boolean);
  return fields.length ? `${problem.detail} ${list(fields)}` : problem.detail;
}
