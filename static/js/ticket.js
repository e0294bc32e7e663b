// What is said of a number, alike on the kiosk and the phone.
import { list, t, tn } from "./strings.js";

const SHOWN = 8; // names of counters before "and others"

/** "Counter 3" for a figure; a counter with a name of its own is called by it. */
export const counterName = (name) => (/^\d+$/.test(name) ? t("Counter {name}", { name }) : name);

/** The open counters that may call it, as one phrase; figures first, as on the boards. */
export function counters(names) {
  if (!names.length) return t("none open now");
  const figures = names.filter((name) => /^\d+$/.test(name));
  const others = names.filter((name) => !/^\d+$/.test(name));
  const shown = [...figures, ...others].slice(0, SHOWN);
  const phrase = shown.every((name) => /^\d+$/.test(name)) ? t("No. {names}", { names: list(shown) }) : list(shown.map(counterName));
  return names.length > SHOWN ? t("{names} and others", { names: phrase }) : phrase;
}

export const ahead = (n) => (n === 0 ? t("You are next") : tn("{n} person ahead of you", "{n} people ahead of you", n));

/** The hall's rule for who is not there when called. */
export function missedRule(rules) {
  const times = rules.reinstate_times;
  if (times === 0) return t("If you miss your call the number is void: please take a new one.");
  const place = {
    tail: () => t("you go to the end of the line"),
    after: () => tn("you go behind {n} other person", "you go behind {n} others", rules.reinstate_after),
    old: () => t("you keep your old place"),
  }[rules.reinstate_place]();
  return tn(
    "If you miss your call, go to the service desk: {place}. This can be done once.",
    "If you miss your call, go to the service desk: {place}. This can be done {n} times.",
    times, { place });
}

/** Why a queue takes no numbers. */
export function closedReason(code, opens) {
  if (code === "hall_closed") return opens ? t("The hall is closed. It opens {when}.", { when: opens }) : t("The hall is closed now.");
  if (code === "queue_full") return t("All numbers of this business are given out for now.");
  return t("This business is not taking numbers now.");
}
