// The pieces that kiosk screens are built of.
import { counters } from "../ticket.js";
import { figure, range, t, tn } from "../strings.js";
import { h, icon } from "../page.js";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

export const heading = (text, hint = "") =>
  h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, text), hint && h("p", { class: "hint" }, hint));

export const action = (name, text, onclick, props = {}) =>
  h("button", { type: "button", class: "button", onclick, ...props }, icon(name), h("span", {}, text));

/** A list that may be longer than the screen: by finger, by wheel, by keys and by two big buttons. */
export function scroller(label, content) {
  const port = h("div", { class: "port", tabindex: "0", role: "region", "aria-label": label }, content);
  const move = (way) => port.scrollBy({ top: way * port.clientHeight * 0.8, behavior: "smooth" });
  const up = action("up", t("Up"), () => move(-1));
  const down = action("down", t("Down"), () => move(1));
  const keys = h("div", { class: "scroll-keys", hidden: true }, up, down);
  const look = () => {
    keys.hidden = port.scrollHeight <= port.clientHeight + 4;
    up.disabled = port.scrollTop < 4;
    down.disabled = port.scrollTop + port.clientHeight > port.scrollHeight - 4;
  };
  port.addEventListener("scroll", look, { passive: true });
  new ResizeObserver(look).observe(port);
  return h("div", { class: "scroller" }, port, keys);
}

/** Keys for pinyin initials, in the order of the alphabet: everybody finds a letter, also who never types. */
export function letterKeys({ onletter, onerase, onclear }) {
  const key = (letter) => h("button", { type: "button", onclick: () => onletter(letter) }, letter);
  return h("div", { class: "keypad letters", role: "group", "aria-label": t("Letters") },
    [...LETTERS].map(key),
    h("button", { type: "button", "aria-label": t("Erase one letter"), onclick: onerase }, icon("erase")),
    h("button", { type: "button", class: "word", onclick: onclear }, t("Clear")));
}

/** How it stands in a queue now: people, wait, counters. Null queue: not known (no network). */
export function queueFacts(queue) {
  const fact = (name, text, value) => h("div", { class: "fact" }, icon(name), h("dt", {}, text), h("dd", {}, value));
  return h("dl", { class: "queue-facts" },
    fact("people", t("Waiting now"), tn("{n} person", "{n} people", queue.waiting)),
    fact("clock", t("Expected wait"), queue.wait ? range(queue.wait) : t("not known yet")),
    fact("window", t("Counters"), counters(queue.counters)));
}

export const count = (n) => tn("{n} chosen", "{n} chosen", n, { n: figure(n) });
