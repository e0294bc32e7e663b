// The manager's day: the load of the hall, and every act in place with its opposite.
import { api, Offline, Problem } from "./api.js";
import { facts, h, icon, say } from "./page.js";
import { clock, named, percent, running, t, tn } from "./strings.js";
import { Acts } from "./staff/acts.js";
import { showFeed, showLost, startBar } from "./staff/bar.js";
import { startDays } from "./staff/days.js";
import { part, rows, set, show, stamp, svg } from "./staff/dom.js";
import { everySecond, heardNow, secondsSince, secondsUntil } from "./staff/hallclock.js";
import { Live } from "./staff/live.js";
import { Lookup } from "./staff/lookup.js";
import { undoable } from "./staff/undo.js";
import { counterName, counterWords, refusalWords } from "./staff/words.js";

const HALL = `/halls/${facts.hall}`;
const GOAL = 0.8; // of the waits within the hall's target; below it the day is not all right
const AFTER_EVENT = 1000;
const COUNTER_KIND = { open: "good", paused: "warn", closed: "" };

let hall = null;
let load = null;
let picked = null; // number of the counter whose card is open
let serves = null; // its queues as they are being changed: [{code, on}]
let feed = "connecting";
let away = false;

const acts = new Acts({ onChange: showActs });

function answer(where, words, kind = "") {
  set(part(where), "data-kind", kind);
  say(part(where), words);
}

function showActs() {
  for (const button of document.querySelectorAll(".manager .button")) set(button, "aria-disabled", acts.now ? "true" : null);
  showLost(away || Boolean(acts.now?.lost), acts.now?.lost ? acts.now.name : null);
  showFeed(away || acts.now?.lost ? "offline" : feed);
}

/** → the answer's data, or null after a refusal that is told in `where`. */
async function act(where, name, method, path, body) {
  if (acts.now) return null;
  answer(where, "");
  const result = await acts.perform(name, method, path, body);
  if (result?.refused) answer(where, refusalWords(result.refused), "bad");
  live.poke();
  return result && !result.refused ? result.data || {} : null;
}

// -- is today all right? -------------------------------------------------------------------------------------

const minutes = (seconds) => Math.floor(seconds / 60);
const minutesWords = (n) => tn("{n} min", "{n} min", n);

function headlines({ headline, queues, rules, alerts }) {
  const fullest = queues.reduce((most, one) => (one.waiting > (most?.waiting ?? 0) ? one : most), null);
  const longest = headline.longest_wait === null ? null : minutes(headline.longest_wait);
  const unserved = alerts.filter((one) => one.code === "not_served").length;
  return {
    waiting: {
      value: headline.waiting,
      unit: "",
      limit: fullest ? t("most in {queue}: {n} of {limit}", { queue: fullest.prefix, n: fullest.waiting, limit: rules.alert_waiting }) : t("limit {limit} a queue", { limit: rules.alert_waiting }),
      over: fullest && fullest.waiting > rules.alert_waiting,
    },
    longest: {
      value: longest ?? "–",
      unit: longest === null ? "" : t("min"),
      limit: t("limit {limit} min", { limit: rules.alert_wait_minutes }),
      over: longest !== null && headline.longest_wait > rules.alert_wait_minutes * 60,
    },
    share: {
      value: headline.within_target === null ? "–" : percent(headline.within_target),
      unit: "",
      limit: t("within {min} min, goal {goal}", { min: minutes(headline.target_seconds), goal: percent(GOAL) }),
      over: headline.within_target !== null && headline.within_target < GOAL,
    },
    open: {
      value: headline.counters_open,
      unit: t("of {n}", { n: headline.counters }),
      limit: unserved ? tn("{n} queue nobody serves", "{n} queues nobody serves", unserved) : t("every waiting line is served"),
      over: unserved > 0,
    },
  };
}

function renderFirst() {
  const figures = Object.entries(headlines(load));
  for (const [name, figure] of figures) {
    const box = document.querySelector(`[data-headline="${name}"]`);
    set(box, "data-over", figure.over ? "yes" : "no");
    say(part("value", box), String(figure.value));
    say(part("unit", box), figure.unit);
    say(part("limit", box), figure.limit);
  }
  const over = figures.filter(([, figure]) => figure.over).length;
  const wrong = Math.max(over, load.alerts.length);
  say(part("verdict"), wrong ? tn("{n} thing needs a look", "{n} things need a look", wrong) : t("Today is all right"));
}

// -- queues --------------------------------------------------------------------------------------------------

function renderQueues() {
  rows(part("queues"), load.queues, (one) => one.code, (one) => {
    const row = stamp("queue");
    part("switch", row).addEventListener("click", () => switchQueue(one.code));
    return row;
  }, fillQueue);
}

function fillQueue(row, one) {
  const over = load.alerts.some((alert) => alert.queue === one.code);
  set(row, "data-over", over ? "yes" : null);
  say(part("prefix", row), one.prefix);
  say(part("name", row), named(one));
  const served = one.counters_open ? tn("{n} counter", "{n} counters", one.counters_open) : t("no counter");
  say(part("about", row), one.closed ? `${t("gives no numbers")} · ${served}` : served);
  say(part("waiting", row), String(one.waiting));
  say(part("longest", row), one.longest_wait === null ? t("nobody") : minutesWords(minutes(one.longest_wait)));
  const words = one.closed ? t("Start") : t("Stop");
  say(part("switch", row), words);
  set(part("switch", row), "aria-label", `${words}: ${named(one)}`);
  drawHistory(part("line", row), one);
}

const WIDE = 64;

/** A small line: how many waited, a quarter of an hour a step. */
function drawHistory(box, { history, prefix }) {
  const drawn = history.join();
  if (box.dataset.drawn === drawn) return;
  box.dataset.drawn = drawn;
  const top = Math.max(5, ...history);
  const points = history.map((n, step) => [(step * WIDE) / Math.max(1, history.length - 1), 30 - (n / top) * 28]);
  const [x, y] = points.at(-1) || [0, 30];
  box.replaceChildren(svg("svg", {
    class: "history", viewBox: `0 0 ${WIDE} 32`, role: "img",
    "aria-label": t("Waiting in {queue}, the last 3 hours: {figures}", { queue: prefix, figures: history.join(", ") }),
  }, svg("polyline", { class: "ground", points: `0,31 ${WIDE},31` }), svg("polyline", { points: points.map((point) => point.map((at) => at.toFixed(1)).join()).join(" ") }), svg("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: 3 })));
}

async function switchQueue(code) {
  const one = load.queues.find((queue) => queue.code === code);
  const [to, back] = one.closed ? ["open", "close"] : ["close", "open"];
  const send = (verb) => act("queue-answer", verb === "open" ? t("Start") : t("Stop"), "POST", `${HALL}/queues/${code}/${verb}`);
  if (!(await send(to))) return;
  const queue = named(one);
  undoable(to === "close" ? t("{queue} gives no more numbers. Those who wait are still called.", { queue }) : t("{queue} gives numbers again.", { queue }), () => send(back));
}

// -- counters ------------------------------------------------------------------------------------------------

function renderCounters() {
  rows(part("counters"), load.counters, (one) => one.counter, (one) => {
    const tile = stamp("counter");
    tile.firstElementChild.addEventListener("click", () => pick(picked === one.counter ? null : one.counter));
    return tile;
  }, (tile, one) => fillCounter(tile.firstElementChild, one));
}

function fillCounter(button, one) {
  const over = load.alerts.some((alert) => alert.code === "long_service" && alert.counter === one.counter);
  set(button, "data-state", one.state);
  set(button, "data-over", over ? "yes" : null);
  set(button, "aria-expanded", String(picked === one.counter));
  say(part("name", button), counterName(one));
  const doing = doingOf(one);
  const word = part("state", button);
  if (word.dataset.state !== doing) {
    word.dataset.state = doing;
    set(word, "class", `doing ${DOING[doing].kind}`.trim());
    word.replaceChildren(icon(DOING[doing].icon), DOING[doing].words());
  }
  say(part("ticket", button), one.ticket || "");
  say(part("time", button), timeOf(one));
  set(button, "title", [one.agent_name, one.pause_reason, one.queues.map(prefixOf).join(" ")].filter(Boolean).join(" · "));
}

const DOING = {
  serving: { kind: "good", icon: "person", words: () => t("Serving") },
  called: { kind: "blue", icon: "call", words: () => t("Called") },
  free: { kind: "good", icon: "good", words: () => t("Free") },
  paused: { kind: "warn", icon: "pause", words: () => t("Paused") },
  closed: { kind: "", icon: "closed", words: () => t("Closed") },
};

const doingOf = (one) => (one.state === "open" ? one.ticket_state || "free" : one.state);

const prefixOf = (code) => load.queues.find((one) => one.code === code)?.prefix || code;

function timeOf(one) {
  if (one.ticket) return running(secondsSince(one.ticket_since));
  return one.state === "paused" ? running(secondsSince(one.since)) : "";
}

function tick() {
  if (!load) return;
  for (const tile of part("counters").children) {
    const one = load.counters.find((counter) => String(counter.counter) === tile.dataset.key);
    if (one) say(part("time", tile), timeOf(one));
  }
}

// -- one counter's card --------------------------------------------------------------------------------------

const pickedCounter = () => load?.counters.find((one) => one.counter === picked);

function pick(number) {
  const before = picked;
  picked = number;
  serves = null;
  answer("detail-answer", "");
  renderDetail();
  renderCounters();
  if (number !== null) {
    part("detail-title").focus();
    part("detail").scrollIntoView({ block: "nearest" });
  } else if (before !== null) part("counters").querySelector(`[data-key="${before}"] button`)?.focus();
}

function renderDetail() {
  const one = pickedCounter();
  show(part("detail"), one);
  if (!one) return;
  say(part("detail-title"), counterName(one));
  say(part("detail-state"), counterWords(one.state));
  set(part("detail-state"), "class", `badge ${COUNTER_KIND[one.state]}`.trim());
  say(part("detail-words"), detailWords(one));
  for (const [verb, states] of [["pause", ["open"]], ["resume", ["paused"]], ["close", ["open", "paused"]]]) {
    show(document.querySelector(`[data-counter-act="${verb}"]`), states.includes(one.state));
  }
  show(part("open-form"), one.state === "closed");
  for (const option of part("agent").options) option.disabled = load.counters.some((counter) => counter.agent && counter.agent === option.value);
  renderServes(one);
}

function detailWords(one) {
  if (one.state === "closed") return tn("{n} finished today", "{n} finished today", one.finished);
  const since = one.since ? t("since {time}", { time: clock(one.since, facts.timezone) }) : "";
  const finished = tn("{n} finished today", "{n} finished today", one.finished);
  return [one.agent_name || t("nobody named"), one.pause_reason, since, one.ticket && t("has {number}", { number: one.ticket }), finished].filter(Boolean).join(" · ");
}

const OPPOSITE = { pause: "resume", resume: "pause", open: "close", close: "open" };
const DONE = {
  pause: (counter) => t("{counter} is paused.", { counter }),
  resume: (counter) => t("{counter} goes on.", { counter }),
  open: (counter) => t("{counter} is open.", { counter }),
  close: (counter) => t("{counter} is closed.", { counter }),
};

/** What the opposite needs to bring everything back: who sat there, why it was paused. */
function bodyFor(verb, before) {
  if (verb === "open") return before.agent ? { agent: before.agent } : {};
  if (verb === "pause") return { reason: before.pause_reason || "" };
  return undefined;
}

async function counterAct(verb, body) {
  const before = pickedCounter();
  const path = `${HALL}/counters/${before.counter}`;
  const send = (name, given) => act("detail-answer", name, "POST", `${path}/${name}`, given);
  if (!(await send(verb, body))) return;
  undoable(DONE[verb](counterName(before)), () => send(OPPOSITE[verb], bodyFor(OPPOSITE[verb], before)));
}

function renderServes(one) {
  const order = [...one.queues, ...load.queues.map((queue) => queue.code).filter((code) => !one.queues.includes(code))];
  serves ??= order.map((code) => ({ code, on: one.queues.includes(code) }));
  rows(part("serves"), serves, (row) => row.code, makeServe, fillServe);
  show(part("serves-acts"), wantedQueues().join() !== one.queues.join());
}

const wantedQueues = () => serves.filter((row) => row.on).map((row) => row.code);

function makeServe({ code }) {
  const row = stamp("serve");
  const again = (change) => {
    change(serves.findIndex((one) => one.code === code));
    renderServes(pickedCounter());
  };
  const swap = (by) => again((at) => {
    const other = at + by;
    if (serves[other]) [serves[at], serves[other]] = [serves[other], serves[at]];
  });
  row.querySelector("input").addEventListener("change", () => again((at) => { serves[at].on = !serves[at].on; }));
  part("up", row).addEventListener("click", () => { swap(-1); part("up", row).focus(); });
  part("down", row).addEventListener("click", () => { swap(1); part("down", row).focus(); });
  return row;
}

function fillServe(row, { code, on }) {
  const queue = load.queues.find((one) => one.code === code);
  row.querySelector("input").checked = on;
  say(part("prefix", row), queue?.prefix || "");
  say(part("name", row), named(queue) || code);
  set(part("up", row), "aria-label", t("{queue} further up", { queue: named(queue) }));
  set(part("down", row), "aria-label", t("{queue} further down", { queue: named(queue) }));
}

async function setQueues(where, counter, queues, words) {
  const before = counter.queues;
  const send = (codes) => act(where, t("Change the queues"), "PUT", `${HALL}/counters/${counter.counter}/queues`, { queues: codes });
  if (!(await send(queues))) return;
  serves = null;
  undoable(words, async () => {
    await send(before);
    serves = null;
  });
}

function submitServes() {
  const one = pickedCounter();
  const queues = wantedQueues();
  if (!queues.length) {
    answer("detail-answer", t("A counter must serve at least one queue. Close it instead."), "bad");
    return;
  }
  setQueues("detail-answer", one, queues, t("{counter} serves {queues}.", { counter: counterName(one), queues: queues.map(prefixOf).join(" ") }));
}

// -- advice --------------------------------------------------------------------------------------------------

const TITLE = {
  long_wait: (alert, queue) => t("{queue}: longest wait {n} min", { queue, n: minutes(alert.value) }),
  long_queue: (alert, queue) => t("{queue}: {n} waiting", { queue, n: alert.value }),
  long_service: (alert) => t("{counter}: {number} served for {n} min", { counter: nameOf(alert.counter), number: alert.number, n: minutes(alert.value) }),
  not_served: (alert, queue) => t("{queue}: nobody serves it", { queue }),
};
const WORDS = {
  long_wait: (alert) => t("The limit is {n} min.", { n: minutes(alert.limit) }),
  long_queue: (alert) => t("The limit is {n}.", { n: alert.limit }),
  long_service: (alert) => t("The limit is {n} min. Perhaps the agent needs help.", { n: minutes(alert.limit) }),
  not_served: (alert) => tn("{n} person waits and no open counter may call.", "{n} people wait and no open counter may call.", alert.value),
};

const nameOf = (number) => counterName(load.counters.find((one) => one.counter === number));

function adviceFor(alert) {
  if (alert.suggest_counter) {
    const counter = load.counters.find((one) => one.counter === alert.suggest_counter);
    const queue = prefixOf(alert.queue);
    return [t("Let {counter} also serve {queue}", { counter: counterName(counter), queue }),
      () => setQueues("advice-answer", counter, [...counter.queues, alert.queue], t("{counter} also serves {queue}.", { counter: counterName(counter), queue }))];
  }
  if (alert.counter) return [t("Show the counter"), () => pick(alert.counter)];
  const closed = load.counters.find((one) => one.state === "closed" && one.queues.includes(alert.queue)) || load.counters.find((one) => one.state !== "open");
  return closed ? [t("Open {counter} …", { counter: counterName(closed) }), () => pick(closed.counter)] : null;
}

function renderAlerts() {
  show(part("no-alerts"), !load.alerts.length);
  say(part("advice-count"), load.alerts.length ? String(load.alerts.length) : "");
  rows(part("alerts"), load.alerts, (one) => [one.code, one.queue, one.counter].join(), () => {
    const card = stamp("alert");
    part("act", card).addEventListener("click", () => card.advice?.());
    return card;
  }, (card, one) => {
    const queue = named(load.queues.find((found) => found.code === one.queue));
    const advice = adviceFor(one);
    say(part("title", card), TITLE[one.code](one, queue));
    say(part("words", card), WORDS[one.code](one));
    show(part("act", card), advice);
    say(part("act", card), advice?.[0] || "");
    card.advice = advice?.[1];
  });
}

// -- notices -------------------------------------------------------------------------------------------------

function renderNotices() {
  show(part("no-notices"), !load.notices.length);
  rows(part("notices"), load.notices, (one) => one.id, (one) => {
    const row = stamp("notice");
    part("act", row).addEventListener("click", () => withdraw(one));
    return row;
  }, (row, one) => {
    const zone = hall.zones.find((found) => found.code === one.zone);
    say(part("text", row), one.text);
    say(part("about", row), [zone ? named(zone) : t("whole hall"), one.until ? t("until {time}", { time: clock(one.until, facts.timezone) }) : t("until withdrawn")].join(" · "));
    set(part("act", row), "aria-label", `${t("Withdraw")}: ${one.text}`);
  });
}

const post = (body) => act("notice-answer", t("Post"), "POST", `${HALL}/notices`, body);
const remove = (id) => act("notice-answer", t("Withdraw"), "DELETE", `${HALL}/notices/${id}`);

async function postNotice() {
  const text = part("notice-text").value.trim();
  if (!text) {
    answer("notice-answer", t("First write the notice."), "bad");
    part("notice-text").focus();
    return;
  }
  const zone = part("notice-zone").value;
  const minutesShown = Number(part("notice-minutes").value);
  const posted = await post({ text, ...(zone ? { zone } : {}), ...(minutesShown ? { minutes: minutesShown } : {}) });
  if (!posted) return;
  part("notice-text").value = "";
  undoable(t("The notice is on the boards."), () => remove(posted.id));
}

async function withdraw(one) {
  if (!(await remove(one.id))) return;
  const minutesLeft = one.until ? Math.max(1, secondsUntil(one.until) / 60) : null;
  undoable(t("The notice is withdrawn."), () => post({ text: one.text, ...(one.zone ? { zone: one.zone } : {}), ...(minutesLeft ? { minutes: minutesLeft } : {}) }));
}

// -- start ---------------------------------------------------------------------------------------------------

function render() {
  set(part("manager"), "aria-busy", null);
  renderFirst();
  renderQueues();
  renderCounters();
  renderDetail();
  renderAlerts();
  renderNotices();
}

async function look() {
  try {
    if (!hall) await start();
    const { data } = await api("GET", `${HALL}/load`, { tries: [0] });
    away = false;
    heardNow(data.now);
    load = data;
    render();
  } catch (error) {
    away = error instanceof Offline;
    if (error instanceof Problem) acts.refusal(error);
    else if (!away) throw error;
  }
  showActs();
}

async function start() {
  hall = (await api("GET", HALL, { tries: [0] })).data;
  lookup.know(hall);
  part("notice-zone").append(...hall.zones.map((zone) => h("option", { value: zone.code }, named(zone))));
}

const submitted = (name, does) => part(name).addEventListener("submit", (event) => { event.preventDefault(); does(); });
submitted("open-form", () => counterAct("open", part("agent").value ? { agent: part("agent").value } : {}));
submitted("serves-form", submitServes);
submitted("notice-form", postNotice);
for (const button of document.querySelectorAll("[data-counter-act]")) {
  button.addEventListener("click", () => counterAct(button.dataset.counterAct, button.dataset.counterAct === "pause" ? { reason: t("by the manager") } : undefined));
}
part("serves-reset").addEventListener("click", () => { serves = null; renderDetail(); });
part("detail-close").addEventListener("click", () => pick(null));
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && picked !== null && !part("days").open) pick(null); });

const lookup = new Lookup({ act, onChange: () => live.poke() });
const live = new Live({
  namespace: "/manager",
  hall: facts.hall,
  ask: look,
  touches: (event) => {
    if (event.type === "tick") return null;
    lookup.hear(event);
    return AFTER_EVENT;
  },
  onState: (state) => {
    feed = state;
    if (state === "live") acts.hurry();
    showActs();
  },
});
startBar({ withdraw: () => acts.withdraw() });
startDays();
everySecond(tick);
live.poke();
