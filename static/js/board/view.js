// The board's state → the screen. Rows and tiles are made once and changed in place, so that nothing jumps and
// nothing grows in a week of running.
import { $, h, icon, say } from "../page.js";
import { figure, named, t } from "../strings.js";
import { inZone } from "./state.js";

const ROWS = 8; // made; a landscape screen shows the first 6
const TILES = 40; // on one page of the counter grid
const PAGE_MS = 10_000;
const MANY = 30; // with more counters than this the closed ones are left out

const portrait = matchMedia("(orientation: portrait)");
const still = matchMedia("(prefers-reduced-motion: reduce)");

export const rowsShown = () => (portrait.matches ? ROWS : ROWS - 2);

// What people read on a window.
export function windowName(name) {
  return /^\d+$/.test(name) ? t("Counter {name}", { name }) : name;
}

// The same on a tile, where there is little room.
const shortName = (name) => (/^\d+$/.test(name) ? t("No. {name}", { name }) : name);

// Width of a text in ems, roughly: a Chinese character is one, a letter or figure two thirds.
const ems = (text) => [...text].reduce((sum, letter) => sum + (letter > "\u2e80" ? 1 : 0.64), 0);

function write(element, text, lines = 1) {
  say(element, text);
  element.style.setProperty("--ems", Math.max(1, ems(text) / lines).toFixed(2));
}

// -- hall and zone ---------------------------------------------------------------------------------------------

export class HallView {
  constructor({ zone }) {
    this.zone = zone;
    this.speaking = null;
    this.rows = Array.from({ length: ROWS }, () => makeRow());
    $("#calls").replaceChildren(...this.rows.map((row) => row.li));
    this.tiles = [];
    this.queues = [];
  }

  render(board) {
    this.board = board;
    this.renderCalls();
    this.renderCounters();
    this.renderWaiting();
  }

  calls() {
    return this.board.calls.filter((call) => inZone(call, this.zone));
  }

  // The newest on top. A call that is being spoken stays to be seen, even when newer ones have pushed it out.
  renderCalls() {
    const calls = this.calls();
    const shown = calls.slice(0, rowsShown());
    const spoken = this.speaking && calls.find((call) => call.number === this.speaking.number);
    if (spoken && !shown.includes(spoken)) shown[shown.length - 1] = spoken;
    $("#none").hidden = shown.length > 0;
    this.rows.forEach((row, place) => {
      const call = shown[place];
      row.show(call, call && this.windowOf(call), Boolean(spoken) && call === spoken);
    });
  }

  windowOf(call) {
    const counter = this.board.counters.find((one) => one.counter === call.counter);
    return windowName(counter ? named(counter) : call.counter_name);
  }

  speak(call) {
    this.speaking = call;
    if (this.board) this.renderCalls();
  }

  blink(call) {
    const row = this.rows.find((one) => one.seq === call.seq);
    if (!row || still.matches) return;
    row.li.getAnimations().forEach((animation) => animation.cancel());
    row.li.animate([{ opacity: 1 }, { opacity: 0.1 }, { opacity: 1 }], { duration: 900, iterations: 3, easing: "ease-in-out" });
  }

  renderCounters() {
    const here = this.board.counters.filter((counter) => inZone(counter, this.zone));
    const listed = here.length > MANY ? here.filter((counter) => counter.state !== "closed") : here;
    const pages = Math.max(1, Math.ceil(listed.length / TILES));
    const page = Math.floor(Date.now() / PAGE_MS) % pages;
    const shown = listed.slice(page * TILES, (page + 1) * TILES);
    const list = $("#counters");
    list.style.setProperty("--columns", columnsFor(shown.length));
    list.style.setProperty("--rows", Math.max(4, Math.ceil(shown.length / columnsFor(shown.length))));
    fit(list, this.tiles, shown.length, makeTile);
    shown.forEach((counter, place) => this.tiles[place].show(counter));
    $("#no-counters").hidden = shown.length > 0;
  }

  renderWaiting() {
    const queues = this.board.queues.filter((queue) => inZone(queue, this.zone));
    const list = $("#waiting");
    list.style.setProperty("--queues", Math.max(1, queues.length));
    fit(list, this.queues, queues.length, makeQueue);
    queues.forEach((queue, place) => this.queues[place].show(queue, this.board.waiting[queue.code] ?? 0));
  }
}

function columnsFor(count) {
  return portrait.matches ? Math.min(6, Math.max(3, Math.ceil(count / 4))) : Math.min(4, Math.max(1, Math.ceil(count / 9)));
}

function fit(list, parts, count, make) {
  while (parts.length < count) {
    const part = make();
    parts.push(part);
    list.append(part.li);
  }
  while (parts.length > count) parts.pop().li.remove();
}

function makeRow() {
  const number = h("span", { class: "number" });
  const arrow = h("span", { class: "arrow", "aria-hidden": "true" }, icon("next"));
  const window = h("span", { class: "window" });
  const li = h("li", { class: "call" }, number, arrow, window);
  const row = { li, seq: null };
  row.show = (call, where, spoken) => {
    row.seq = call ? call.seq : null;
    li.classList.toggle("empty", !call);
    li.classList.toggle("speaking", Boolean(spoken));
    write(number, call ? call.number : "");
    write(window, call ? where : "");
  };
  row.show(null, "", false);
  return row;
}

function makeTile() {
  const name = h("span", { class: "name" });
  const number = h("span", { class: "number" });
  const word = h("span", { class: "word" });
  const li = h("li", { class: "tile" }, name, number, word);
  const show = (counter) => {
    const doing = doingOf(counter);
    li.dataset.state = doing;
    li.classList.toggle("long", ems(named(counter)) > 3);
    write(name, shortName(named(counter)));
    write(number, counter.number || "");
    write(word, WORDS[doing]());
  };
  return { li, show };
}

const WORDS = {
  called: () => t("Come"),
  serving: () => t("Serving"),
  free: () => t("Free"),
  paused: () => t("Away"),
  closed: () => t("Not open"),
};

function doingOf(counter) {
  if (counter.number) return counter.serving ? "serving" : "called";
  return counter.state === "open" ? "free" : counter.state;
}

function makeQueue() {
  const name = h("span", { class: "name" });
  const count = h("span", { class: "count" });
  const li = h("li", {}, name, count);
  const show = (queue, waiting) => {
    const long = ems(named(queue)) > 9;
    name.classList.toggle("wraps", long);
    write(name, named(queue), long ? 1.6 : 1);
    say(count, figure(waiting));
  };
  return { li, show };
}

// -- one counter -----------------------------------------------------------------------------------------------

export class CounterView {
  constructor({ counter }) {
    this.counter = Number(counter);
  }

  calls() {
    return this.board.calls.filter((call) => call.counter === this.counter);
  }

  render(board) {
    this.board = board;
    const counter = board.counters.find((one) => one.counter === this.counter);
    const doing = doingOf(counter);
    document.body.dataset.doing = doing;
    write($("#window"), windowName(named(counter)));
    const number = counter.number;
    $("#number").hidden = !number;
    $("#word").hidden = Boolean(number);
    if (number) write($("#number"), number);
    else write($("#word"), { free: t("Welcome!"), paused: t("Back soon!"), closed: t("Not signed in!") }[doing]);
    say($("#below"), number ? (doing === "called" ? t("Please come to this counter") : t("Being served")) : "");
  }

  speak(call) {
    document.body.classList.toggle("speaking", Boolean(call));
  }

  blink() {
    if (still.matches) return;
    $("#number").animate([{ opacity: 1 }, { opacity: 0.1 }, { opacity: 1 }], { duration: 900, iterations: 3, easing: "ease-in-out" });
  }
}
