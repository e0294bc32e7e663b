// Small things with the document that every page needs.
import { clock } from "./strings.js";

export const facts = document.body.dataset; // what the server told the page: data-hall, data-timezone …

/** h("button", {class: "button", onclick: act}, icon("tick"), "Yes"): an element; null and false children are left out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** An icon of static/img/icons.svg; hidden from screen readers, because words always stand beside it. */
export function icon(name, classes = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${classes}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${facts.icons}#${name}`);
  svg.append(use);
  return svg;
}

export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

/** Text in place; the same text is not written again, so screen readers are not told twice. */
export function say(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** The clock of the top bar, in the hall's time zone. */
export function runClock(element = $(".topbar .clock"), tz = facts.timezone) {
  if (!element) return;
  const tick = () => {
    say(element, clock(new Date(), tz));
    setTimeout(tick, 60_000 - (Date.now() % 60_000) + 50);
  };
  tick();
}

/** A button under way: the same words, not to be pressed again. Gives back what ends it. */
export function busy(button) {
  if (!button) return () => {};
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  return () => {
    button.removeAttribute("aria-busy");
    button.disabled = false;
  };
}

let toastTimer = 0;

/** A short word at the bottom, with at most one button. */
export function toast(text, { action, onaction, seconds = 6 } = {}) {
  clearTimeout(toastTimer);
  $(".toast")?.remove();
  const box = h("div", { class: "toast", role: "status" }, h("span", {}, text));
  if (action) box.append(h("button", { class: "button", type: "button", onclick: () => { box.remove(); onaction(); } }, action));
  document.body.append(box);
  toastTimer = setTimeout(() => box.remove(), seconds * 1000);
}

/** A banner as the style page shows it: kind is "", good, warn or bad. */
export function banner(kind, iconName, title, text = "", ...actions) {
  return h("div", { class: `banner ${kind}`.trim() }, icon(iconName),
    h("div", { class: "grow" }, h("strong", {}, title), text && h("p", {}, text)), ...actions);
}
