// The desk: a number for somebody, certificates to look at; staff/lookup.js does what happens to numbers that exist.
import { api, Offline } from "./api.js";
import { facts, h, icon, say } from "./page.js";
import { list, named, range, t, tn } from "./strings.js";
import { Acts } from "./staff/acts.js";
import { showFeed, showLost, startBar } from "./staff/bar.js";
import { part, parts, rows, set, show, stamp } from "./staff/dom.js";
import { Live } from "./staff/live.js";
import { Lookup } from "./staff/lookup.js";
import { undoable } from "./staff/undo.js";
import { itemsWords, refusalWords } from "./staff/words.js";

const HALL = `/halls/${facts.hall}`;
const MOST = 20; // items on one ticket
const AFTER_CALL = 1000;

let hall = null;
let catalogue = [];
let queues = [];
let chosen = [];
let given = null;
let feed = "connecting";
let away = false;

const acts = new Acts({ onChange: showActs });

function answer(name, words, kind = "") {
  set(part(name), "data-kind", kind);
  say(part(name), words);
}

function showActs() {
  const busy = Boolean(acts.now);
  for (const button of document.querySelectorAll(".desk .button")) set(button, "aria-disabled", busy ? "true" : null);
  set(part("issue"), "aria-busy", busy && acts.now.name === t("Give the number") ? "true" : null);
  showLost(away || Boolean(acts.now?.lost), acts.now?.lost ? acts.now.name : null);
  showFeed(away || acts.now?.lost ? "offline" : feed);
}

/** → the answer's data, or null after a refusal that is told in `where`. */
async function act(where, name, method, path, body) {
  if (acts.now) return null;
  answer(where, "");
  const result = await acts.perform(name, method, path, body);
  if (result?.refused) answer(where, refusalWords(result.refused), "bad");
  return result && !result.refused ? result.data || {} : null;
}

// -- give a number -------------------------------------------------------------------------------------------

function matches(item, wanted) {
  return [item.name, item.name_en, item.code, item.initials].some((word) => (word || "").toUpperCase().includes(wanted));
}

const queueOf = (code) => hall.queues.find((one) => one.code === code);
const priorityName = (code) => named(hall.priorities.find((one) => one.code === code)) || code;

function renderFound() {
  const wanted = part("search").value.trim().toUpperCase();
  const shown = catalogue.filter((item) => !wanted || matches(item, wanted)).slice(0, 60);
  show(part("none"), !shown.length);
  rows(part("found"), shown, (item) => item.code, (item) => {
    const row = stamp("found");
    row.querySelector("input").addEventListener("change", () => toggle(item));
    return row;
  }, (row, item) => {
    row.querySelector("input").checked = chosen.includes(item);
    say(part("name", row), named(item));
    say(part("queue", row), queueOf(item.queue)?.prefix || "");
  });
}

/** The server's search knows full pinyin too; its findings are put before ours. */
async function searchServer() {
  const wanted = part("search").value.trim();
  if (!wanted) return;
  const { data } = await api("GET", `${HALL}/items?q=${encodeURIComponent(wanted)}`, { tries: [0] });
  if (part("search").value.trim() !== wanted) return;
  const codes = new Set(data.items.map((item) => item.code));
  const shown = catalogue.filter((item) => codes.has(item.code) || matches(item, wanted.toUpperCase()));
  if (shown.length && part("none").hidden === false) {
    catalogue = [...shown, ...catalogue.filter((item) => !shown.includes(item))];
    for (const item of shown) item.initials += ` ${wanted.toUpperCase()}`;
    renderFound();
  }
}

function toggle(item) {
  chosen = chosen.includes(item) ? chosen.filter((one) => one !== item) : [...chosen, item].slice(0, MOST);
  for (const radio of parts("queue-choice")) radio.checked = false;
  renderGiving();
}

function renderGiving() {
  renderFound();
  renderQueues();
  const queue = pickedQueue();
  const shown = queue ? [queue] : chosen;
  show(part("chosen"), shown.length);
  rows(part("chosen"), shown, (one) => one.code, (one) => h("button", { class: "button", type: "button", onclick: () => (queue ? dropQueue() : toggle(one)),
    "aria-label": t("Take {item} out", { item: named(one) }) }, named(one), icon("close")));
}

function renderQueues() {
  rows(part("queues"), queues, (one) => one.code, (one) => h("label", { class: "chip" },
    h("input", { type: "radio", name: "queue", value: one.code, data: { part: "queue-choice" }, onchange: () => { chosen = []; renderGiving(); } }),
    h("span", {}, h("strong", {}, one.prefix), named(one), h("small", { data: { part: "note" } }))), (chip, one) => {
    chip.querySelector("input").disabled = !one.open;
    say(part("note", chip), one.open ? tn("{n} waiting", "{n} waiting", one.waiting) : t("closed"));
  });
}

function pickedQueue() {
  return queues.find((one) => one.code === document.querySelector("[name=queue]:checked")?.value);
}

function dropQueue() {
  document.querySelector("[name=queue]:checked").checked = false;
  renderGiving();
}

function renderPriorities() {
  rows(part("priorities"), hall.priorities.filter((one) => one.code !== "appointment"), (one) => one.code, (one) => h("label", { class: "chip" },
    h("input", { type: "radio", name: "priority", value: one.code, checked: one.code === "normal", onchange: showChecked }), h("span", {}, named(one))));
}

const pickedPriority = () => hall.priorities.find((one) => one.code === document.querySelector("[name=priority]:checked")?.value);

function showChecked() {
  show(part("checked-box"), pickedPriority()?.verify);
}

function wish() {
  const queue = pickedQueue()?.code;
  const priority = pickedPriority();
  const person = Object.fromEntries(["name", "phone"].map((id) => [id, document.getElementById(id).value.trim()]).filter(([, value]) => value));
  return {
    ...(queue ? { queue } : { items: chosen.map((item) => item.code) }),
    ...(priority && priority.code !== "normal" ? { priority: priority.code } : {}),
    ...person,
    channel: "desk",
  };
}

async function give() {
  const wanted = wish();
  if (!wanted.queue && !wanted.items.length) {
    answer("answer", t("First choose a matter or a queue."), "bad");
    part("search").focus();
    return;
  }
  const seen = part("checked").checked && pickedPriority()?.verify;
  const ticket = await act("answer", t("Give the number"), "POST", `${HALL}/tickets`, wanted);
  if (!ticket) return;
  given = ticket;
  renderGiven();
  if (seen && ticket.asked_priority) await grantGiven(ticket);
  live.poke();
}

async function grantGiven(ticket) {
  const done = await act("given-answer", t("Grant"), "POST", `${HALL}/tickets/${ticket.id}/priority`, { grant: true });
  if (!done) return;
  given = { ...given, priority: ticket.asked_priority, asked_priority: null };
  renderGiven();
}

function renderGiven() {
  show(part("giving"), !given);
  show(part("given"), given);
  if (!given) return;
  say(part("given-number"), given.number);
  say(part("given-queue"), named({ name: given.queue_name, name_en: given.queue_name_en }));
  say(part("given-wait"), `${tn("{n} person ahead", "{n} people ahead", given.ahead ?? 0)} · ${range(given.wait)}`);
  say(part("given-counters"), given.counters.length ? t("Counters: {names}", { names: list(given.counters) }) : t("No open counter serves this queue now."));
  say(part("given-priority"), priorityWords(given));
  part("given-qr").src = `/api/v1/tickets/${given.id}/qr.svg`;
  show(part("given-papers-box"), given.papers.length);
  rows(part("given-papers"), given.papers, (paper) => paper, (paper) => h("li", {}, paper));
  part("given-title").focus({ preventScroll: true });
}

function priorityWords(ticket) {
  if (ticket.asked_priority) return t("{class} declared: it counts when the certificate was seen.", { class: priorityName(ticket.asked_priority) });
  return ticket.priority === "normal" ? "" : t("Priority: {class}", { class: priorityName(ticket.priority) });
}

function again() {
  given = null;
  chosen = [];
  part("giving").reset();
  part("straight").open = false;
  answer("answer", "");
  answer("given-answer", "");
  showChecked();
  renderGiving();
  renderGiven();
  part("search").focus();
}

async function takeBack() {
  const ticket = given;
  const done = await act("given-answer", t("Given by mistake"), "POST", `/tickets/${ticket.id}/cancel`);
  if (!done) return;
  again();
  undoable(t("{number} is cancelled.", { number: ticket.number }));
  live.poke();
}

// -- certificates --------------------------------------------------------------------------------------------

function renderDeclared(tickets) {
  say(part("declared-count"), tickets.length ? String(tickets.length) : "");
  show(part("no-declared"), !tickets.length);
  rows(part("declared"), tickets, (one) => one.id, (one) => {
    const row = stamp("declared");
    part("grant", row).addEventListener("click", () => decide(one, true));
    part("refuse", row).addEventListener("click", () => decide(one, false));
    return row;
  }, (row, one) => {
    say(part("number", row), one.number);
    say(part("class", row), priorityName(one.asked_priority));
    say(part("time", row), t("waited {n} min", { n: Math.floor(one.waited / 60) }));
    say(part("what", row), itemsWords(one.items));
    set(part("grant", row), "aria-label", `${t("Grant")} ${one.number}`);
    set(part("refuse", row), "aria-label", `${t("Refuse")} ${one.number}`);
  });
}

async function decide(ticket, grant) {
  const done = await act("declared-answer", grant ? t("Grant") : t("Refuse"), "POST", `${HALL}/tickets/${ticket.id}/priority`, { grant });
  live.poke();
  if (!done) return;
  const words = grant ? t("{number}: {class} granted.", { number: ticket.number, class: priorityName(ticket.asked_priority) })
    : t("{number} stays normal.", { number: ticket.number });
  const opposite = { priority: grant ? ticket.priority : ticket.asked_priority };
  undoable(words, async () => {
    await act("declared-answer", t("Undo"), "POST", `${HALL}/tickets/${ticket.id}/move`, opposite);
    live.poke();
  });
}

// -- start ---------------------------------------------------------------------------------------------------

async function look() {
  try {
    if (!hall) await start();
    const [waiting, declared] = await Promise.all([
      api("GET", `${HALL}/queues`, { tries: [0] }),
      api("GET", `${HALL}/tickets?asked_priority=true&state=waiting`, { tries: [0] }),
    ]);
    away = false;
    queues = waiting.data.items;
    renderQueues();
    renderDeclared(declared.data.items);
  } catch (error) {
    away = error instanceof Offline;
    if (!away) {
      if (error.status) acts.refusal(error);
      else throw error;
    }
  }
  showActs();
}

async function start() {
  const [one, items] = await Promise.all([api("GET", HALL), api("GET", `${HALL}/items`)]);
  hall = one.data;
  catalogue = items.data.items.sort((a, b) => b.common - a.common);
  lookup.know(hall);
  renderPriorities();
  renderGiving();
}

let typing = 0;
part("search").addEventListener("input", () => {
  renderFound();
  clearTimeout(typing);
  typing = setTimeout(() => searchServer().catch(() => {}), 250);
});
part("search").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  part("found").querySelector("input:not(:checked)")?.click();
  part("search").select();
});
part("giving").addEventListener("submit", (event) => { event.preventDefault(); give(); });
part("again").addEventListener("click", again);
part("take-back").addEventListener("click", takeBack);
const lookup = new Lookup({ act, onChange: () => live.poke() });

const live = new Live({
  namespace: "/counter",
  hall: facts.hall,
  ask: look,
  touches: (event) => {
    if (event.type === "tick") return null;
    lookup.hear(event);
    return AFTER_CALL;
  },
  onState: (state) => {
    feed = state;
    if (state === "live") acts.hurry();
    showActs();
  },
});
startBar({ withdraw: () => acts.withdraw() });
live.poke();
