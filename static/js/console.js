// The console: one counter, the ticket in its hand, one next verb.
import { api, Offline, Problem } from "./api.js";
import { facts, say } from "./page.js";
import { mark, named, running, t, tn } from "./strings.js";
import { Acts } from "./staff/acts.js";
import { showFeed, showLost, startBar } from "./staff/bar.js";
import { part, parts, rows, set, show, stamp } from "./staff/dom.js";
import { everySecond, heardNow, secondsSince, secondsUntil } from "./staff/hallclock.js";
import { onKeys, writing } from "./staff/keys.js";
import { Live } from "./staff/live.js";
import { Matters } from "./staff/matters.js";
import { Panels } from "./staff/panels.js";
import { counterName, counterWords, holdWords, itemsWords, refusalWords } from "./staff/words.js";

const HALL = `/halls/${facts.hall}`;
const COUNTER = Number(facts.counter);
const HERE = `${HALL}/counters/${COUNTER}`;
const DOUBLE = 600; // ms after the big button changed its meaning in which a press was meant for the old one
const SOON = 100;
const LATER = 1200; // other counters' doings in our queues: the list may follow a little later

let hall = null;
let view = null;
let missed = [];
let missedDue = true; // somebody missed a call, or came back, since we asked
let age = 0; // of what is shown; an answer asked for before an act is thrown away
let settling = 0; // runs while a press of the big button is the second half of a double tap
let feed = "connecting";
let away = false; // the last question got no answer

const root = part("console");
const main = part("main");
const matters = new Matters(part("matters"), part("no-matters"));
const acts = new Acts({ onChange: showActs });
const panels = new Panels(part("back"), () => main.focus());

// -- what is on the screen ----------------------------------------------------------------------------

function phase() {
  if (!view) return "loading";
  if (facts.role === "agent" && view.agent && view.agent !== facts.login) return "taken";
  if (view.state !== "open" && !view.ticket) return view.state;
  return view.ticket ? view.ticket.state : "free";
}

const MAIN = {
  loading: () => t("Next"),
  taken: () => t("Choose another counter"),
  closed: () => t("Open the counter"),
  paused: () => t("Go on"),
  free: () => t("Next"),
  called: () => t("Begin"),
  serving: () => t("Finish"),
};

const PHASE = {
  loading: () => t("Loading …"),
  taken: () => t("In use"),
  closed: () => t("Counter closed"),
  paused: () => t("Paused"),
  free: () => t("Free"),
  called: () => t("Called"),
  serving: () => t("Serving"),
};

function render() {
  const now = phase();
  if (root.dataset.phase !== now) freshMeaning();
  say(part("told"), view.ticket ? `${PHASE[now]()} ${view.ticket.number}` : PHASE[now]());
  root.dataset.phase = now;
  set(root, "aria-busy", null);
  say(part("phase"), PHASE[now]());
  say(part("main-words"), MAIN[now]());
  renderState();
  renderHand(view.ticket);
  renderLine();
  renderFigures(view.figures);
  renderSide();
  panels.rest(view.ticket ? "ticket" : "idle");
  panels.refresh();
  tick();
  showActs();
}

function freshMeaning() {
  clearTimeout(settling);
  set(main, "data-fresh", "");
  settling = setTimeout(() => set(main, "data-fresh", null), DOUBLE);
}

function renderState() {
  const badge = part("state");
  say(badge, counterWords(view.state));
  set(badge, "class", `badge ${{ open: "good", paused: "warn", closed: "" }[view.state]}`.trim());
}

function renderHand(ticket) {
  const number = part("number");
  set(number, "data-idle", !ticket);
  say(number, ticket ? ticket.number : String(view.waiting_count));
  say(part("about"), ticket ? aboutTicket(ticket) : aboutLine());
  const priority = part("priority");
  show(priority, ticket && ticket.priority !== "normal");
  if (ticket) say(priority, priorityName(ticket.priority));
  renderApplicant(ticket?.applicant);
  if (ticket) matters.show(ticket);
}

function aboutTicket(ticket) {
  const queue = hall?.queues.find((one) => one.code === ticket.queue);
  return [queue ? named(queue) : ticket.queue_name, t("waited {n} min", { n: Math.floor(ticket.waited / 60) })].join(" · ");
}

function aboutLine() {
  if (phase() === "taken") return t("{name} works at this counter.", { name: view.agent_name });
  if (!view.waiting_count) return t("nobody is waiting");
  const longest = Math.max(...view.waiting.map((one) => one.waited));
  return t("waiting for this counter · longest {n} min", { n: Math.floor(longest / 60) });
}

function renderApplicant(applicant) {
  const box = part("applicant");
  const { principal, ...own } = applicant || {};
  const told = { ...own, principal_name: principal?.name, principal_id_number: principal?.id_number };
  const known = Object.entries(told).filter(([, value]) => value);
  show(box, known.length);
  const words = {
    name: t("Name"),
    phone: t("Phone"),
    id_number: t("Identity no."),
    principal_name: t("On behalf of"),
    principal_id_number: t("Identity no. of the principal"),
  };
  rows(box, known, ([key]) => key, ([key]) => {
    const row = document.createElement("div");
    row.append(document.createElement("dt"), document.createElement("dd"));
    row.firstChild.textContent = words[key] || key;
    return row;
  }, (row, [, value]) => say(row.lastChild, value));
}

const priorityName = (code) => {
  const found = hall?.priorities.find((one) => one.code === code);
  return found ? named(found) : code;
};

function renderLine() {
  say(part("count"), String(view.waiting_count));
  show(part("no-waiting"), !view.waiting.length);
  rows(part("waiting"), view.waiting, (one) => one.id, () => stamp("waiting"), (row, one) => {
    say(part("number", row), one.number);
    say(part("what", row), one.items.length ? one.items.join(" · ") : queueName(one.queue));
    set(part("what", row), "title", one.items.join(" · "));
    say(part("time", row), tn("{n} min", "{n} min", Math.floor(one.waited / 60)));
    const words = one.reserved ? t("for this counter") : one.priority === "normal" ? "" : priorityName(one.priority);
    show(part("badge", row), words);
    say(part("badge", row), words);
  });
}

const queueName = (code) => named(hall?.queues.find((one) => one.code === code)) || code;

function renderFigures(figures) {
  const mean = (seconds) => (seconds === null ? "–" : running(seconds));
  say(part("finished"), String(figures.finished));
  say(part("called"), String(figures.called));
  say(part("no-shows"), String(figures.no_shows));
  say(part("wait-mean"), mean(figures.wait_mean));
  say(part("service-mean"), mean(figures.service_mean));
  say(part("serving"), running(figures.serving_seconds));
}

function renderSide() {
  side("held", view.held, (one) => holdWords(one.hold_kind), t("Take back"), resume);
  side("missed", missed, (one) => itemsWords(one.items) || queueName(one.queue), t("Back in line"), reinstate);
}

function side(name, tickets, about, words, act) {
  show(part(`no-${name}`), !tickets.length);
  rows(part(name), tickets, (one) => one.id, (one) => {
    const row = stamp("side");
    part("act", row).addEventListener("click", () => act(one));
    return row;
  }, (row, one) => {
    say(part("number", row), one.number);
    say(part("what", row), about(one));
    say(part("act", row), words);
    set(part("act", row), "aria-label", `${words} ${one.number}`);
  });
}

// What runs by the second: the clock of the ticket in hand, and the seconds until a no-show is allowed.
function tick() {
  if (!view) return;
  const [since, words] = runningSince();
  say(part("running"), since ? running(secondsSince(since)) : "");
  say(part("running-name"), since ? words : "");
  renderNoShow();
}

function runningSince() {
  const ticket = view.ticket;
  if (ticket?.state === "called") return [ticket.called_at, tn("since the call", "since the call, {n} calls", ticket.calls)];
  if (ticket?.state === "serving") return [ticket.begun_at, t("of service")];
  if (view.state === "paused") return [view.since, view.pause_reason ? t("paused: {why}", { why: view.pause_reason }) : t("paused")];
  return [null, ""];
}

function renderNoShow() {
  const words = part("words", verbButton("no-show"));
  const why = noShowTooEarly();
  say(words, why && phase() === "called" ? why.short : t("No-show"));
  set(verbButton("no-show"), "aria-disabled", refusalOf("no-show") ? "true" : null);
}

function noShowTooEarly() {
  const ticket = view?.ticket;
  if (ticket?.state !== "called") return null;
  const calls = (hall?.rules.no_show_calls ?? 1) - ticket.calls;
  if (calls > 0) {
    return { short: t("No-show after recall"), long: tn("Call once more first.", "Call {n} times more first.", calls) };
  }
  const seconds = ticket.can_no_show_at ? Math.ceil(secondsUntil(ticket.can_no_show_at)) : 0;
  if (!seconds) return null;
  return { short: t("No-show in {n} s", { n: seconds }), long: t("A no-show is possible in {n} s.", { n: seconds }) };
}

// -- which verbs make sense now: the server decides, this only saves a useless press --------------------

const verbButton = (name) => root.querySelector(`[data-verb="${name}"]`);

function refusalOf(verb) {
  const now = phase();
  const ticket = ["called", "serving"].includes(now);
  switch (verb) {
    case "recall": return now === "called" ? "" : t("Nobody is called now.");
    case "no-show": return now === "called" ? noShowTooEarly()?.long || "" : t("Nobody is called now.");
    case "hold": return now === "serving" ? "" : t("Only a number being served can be put on hold.");
    case "transfer": return ticket ? "" : t("There is no number in hand.");
    case "resume-ticket": return now === "free" ? "" : ticket ? t("First finish the number in hand.") : t("The counter is not open.");
    case "given": return now === "free" ? "" : ticket ? t("First finish the number in hand.") : t("The counter is not open.");
    case "pause": return now === "free" ? "" : ticket ? t("First finish the number in hand.") : t("The counter is not open.");
    case "close": return ["free", "paused"].includes(now) ? "" : ticket ? t("First finish the number in hand.") : t("The counter is closed.");
    default: return "";
  }
}

function showActs() {
  const busy = Boolean(acts.now);
  set(main, "aria-disabled", busy || !view ? "true" : null);
  set(main, "aria-busy", busy ? "true" : null);
  for (const button of root.querySelectorAll("[data-verb]")) {
    set(button, "aria-disabled", busy || refusalOf(button.dataset.verb) ? "true" : null);
    set(button, "aria-expanded", button.dataset.verb === panels.current ? "true" : null);
  }
  const held = view?.held.length || 0;
  say(part("words", verbButton("resume-ticket")), held ? t("Take back ({n})", { n: held }) : t("Take back"));
  showLost(away || Boolean(acts.now?.lost), acts.now?.lost ? acts.now.name : null);
  showFeed(away || acts.now?.lost ? "offline" : feed);
}

function answer(words, kind = "") {
  const line = part("answer");
  set(line, "data-kind", kind);
  say(line, words);
}

// -- acts -----------------------------------------------------------------------------------------------

/** One verb: lock, send, show the answer at once, then look at the whole counter again. */
async function act(name, path, body, done) {
  if (acts.now) return;
  age += 1;
  answer("");
  panels.close();
  const result = await acts.perform(name, "POST", path, body);
  age += 1;
  if (result?.refused) answer(refusalWords(result.refused), "bad");
  else if (result) done?.(result.data);
  if (view) render();
  // Back to the big button, so that the space bar means the next step again, not the verb that was clicked.
  if (!panels.current) main.focus({ preventScroll: true });
  live.poke();
}

const verb = (name, path, body, done) => act(name, `${HERE}/${path}`, body, done);
const inHand = () => ({ ticket: view.ticket.id });

function takeInHand(ticket) {
  view = { ...view, ticket, waiting: view.waiting.filter((one) => one.id !== ticket.id), held: view.held.filter((one) => one.id !== ticket.id) };
}

function letGo(words) {
  return (ticket) => {
    matters.forget(ticket.id);
    view = { ...view, ticket: null };
    answer(t(words, { number: ticket.number }));
  };
}

function called(ticket) {
  if (ticket) takeInHand(ticket);
  else answer(t("Nobody is waiting just now."));
}

const DO = {
  taken: () => location.assign("/console?choose=1"),
  closed: () => verb(t("Open the counter"), "open", { agent: facts.login }, seen),
  paused: () => verb(t("Go on"), "resume", undefined, seen),
  free: () => verb(t("Next"), "call", {}, called),
  called: () => verb(t("Begin"), "begin", inHand(), takeInHand),
  serving: () => verb(t("Finish"), "finish", { ...inHand(), ...matters.outcomes() }, letGo(mark("{number} is finished."))),
};

function mainVerb() {
  if (!view || acts.now || main.hasAttribute("data-fresh")) return;
  DO[phase()]();
}

const VERBS = {
  recall: () => verb(t("Recall"), "recall", inHand(), (ticket) => { takeInHand(ticket); answer(t("{number} is called again.", { number: ticket.number })); }),
  "no-show": () => verb(t("No-show"), "no-show", inHand(), letGo(mark("{number} is marked as missed."))),
  close: () => verb(t("Close"), "close", undefined, (closed) => { seen(closed); answer(t("The counter is closed.")); }),
  hold: () => panels.open("hold", holdChoices),
  "resume-ticket": () => panels.open("resume-ticket", heldChoices),
  given: () => panels.open("given", givenChoices),
  transfer: () => panels.open("transfer", transferChoices),
  pause: () => panels.open("pause", pauseChoices),
  keys: () => panels.open("keys"),
};

function doVerb(name) {
  if (acts.now || !view) return;
  if (panels.current === name) {
    panels.close();
    showActs();
    return;
  }
  const why = refusalOf(name);
  if (why) {
    answer(why, "bad");
    return;
  }
  answer("");
  VERBS[name]();
  showActs();
}

const resume = (ticket) => verb(t("Take back"), "resume-ticket", { ticket: ticket.id }, takeInHand);
const pause = (reason) => verb(t("Pause"), "pause", { reason }, seen);
const callGiven = (number) => verb(t("Call {number}", { number }), "call", { ticket: number }, called);

function reinstate(ticket) {
  return act(t("Back in line"), `${HALL}/tickets/${ticket.id}/reinstate`, undefined, () => {
    missed = missed.filter((one) => one.id !== ticket.id);
    answer(t("{number} is back in line.", { number: ticket.number }));
  });
}

function transfer(to) {
  const place = root.querySelector("[name=place]:checked").value;
  return verb(t("Transfer"), "transfer", { ...inHand(), to, place }, letGo(mark("{number} is passed on.")));
}

// -- choices in the middle ---------------------------------------------------------------------------------

function holdChoices() {
  const hold = (kind) => verb(t("Hold"), "hold", { ...inHand(), kind }, letGo(mark("{number} is on hold.")));
  return [
    { key: "papers", words: t("Papers are missing"), more: t("The applicant fetches them. Any counter of this queue may go on, without a new number."), act: () => hold("papers") },
    { key: "kept", words: t("Papers kept here"), more: t("Only this counter goes on."), act: () => hold("kept") },
    { key: "waiting", words: t("Waiting for something"), more: t("A seal, an approval, a colleague. Only this counter goes on."), act: () => hold("waiting") },
  ];
}

function heldChoices() {
  return view.held.map((one) => ({ key: one.id, words: one.number, more: holdWords(one.hold_kind), act: () => resume(one) }));
}

function pauseChoices() {
  return [t("Fetching papers"), t("Asking a colleague"), t("Short break"), t("Meal"), t("Equipment fault")].map((words) => (
    { key: words, words, act: () => pause(words) }
  ));
}

/** Figures alone are enough: 23 finds A023 and B023. */
function givenChoices(typed) {
  const wanted = typed.toUpperCase();
  const fits = (number) => number.startsWith(wanted) || (/^\d+$/.test(wanted) && Number(number.replace(/\D/g, "")) === Number(wanted));
  const found = view.waiting.filter((one) => !wanted || fits(one.number)).map((one) => (
    { key: one.id, words: one.number, more: one.items.join(" · "), act: () => callGiven(one.number) }
  ));
  if (!found.length && /^[A-Z]+\d+$/.test(wanted)) {
    found.push({ key: wanted, words: wanted, more: t("not in the list on the right"), act: () => callGiven(wanted) });
  }
  say(part("none", panels.panel), wanted ? t("No waiting number fits.") : t("Nobody is waiting just now."));
  return found.slice(0, 12);
}

function transferChoices(typed) {
  const wanted = typed.toUpperCase();
  const queues = (hall?.queues || []).filter((one) => one.code !== view.ticket.queue).map((one) => (
    { key: `q${one.code}`, badge: one.prefix, words: named(one), find: [one.prefix, named(one).toUpperCase()], act: () => transfer({ queue: one.code }) }
  ));
  const counters = (hall?.counters || []).filter((one) => one.counter !== COUNTER && one.state !== "closed").map((one) => (
    { key: `c${one.counter}`, badge: String(one.counter), words: counterName(one),
      more: one.state === "paused" ? counterWords("paused") : "",
      find: [String(one.counter), named(one).toUpperCase()], act: () => transfer({ counter: one.counter }) }
  ));
  return [...queues, ...counters].filter((one) => !wanted || one.find.some((word) => word.startsWith(wanted)));
}

// -- keys --------------------------------------------------------------------------------------------------

const onButton = (event) => event.target instanceof Element && event.target.matches("button, a, summary") && event.target !== main;

function bigKey(event) {
  if (panels.current || onButton(event)) return false;
  return mainVerb();
}

const numpad = (digit) => () => {
  if (panels.current) return panels.choose(digit);
  doVerb("given");
  if (panels.current === "given") panels.type(String(digit));
};

const digit = (n) => () => (panels.current ? panels.choose(n) : matters.choose(n));

const KEYS = {
  Space: bigKey,
  NumpadEnter: (event) => (panels.current ? false : mainVerb(event)),
  KeyR: () => doVerb("recall"), NumpadAdd: () => doVerb("recall"),
  KeyN: () => doVerb("no-show"), NumpadSubtract: () => doVerb("no-show"),
  KeyT: () => doVerb("transfer"), NumpadMultiply: () => doVerb("transfer"),
  KeyH: () => doVerb("hold"), NumpadDivide: () => doVerb("hold"),
  KeyE: () => doVerb("resume-ticket"),
  KeyG: () => doVerb("given"),
  KeyP: () => doVerb("pause"), NumpadDecimal: () => doVerb("pause"),
  KeyC: () => doVerb("close"),
  ArrowDown: (event) => (event.target.matches?.("[type=radio]") ? false : matters.step(1)),
  ArrowUp: (event) => (event.target.matches?.("[type=radio]") ? false : matters.step(-1)),
};
for (const n of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
  KEYS[`Numpad${n}`] = numpad(n);
  if (n) KEYS[`Digit${n}`] = digit(n);
}
onKeys(KEYS);

document.addEventListener("keydown", (event) => {
  if (event.key === "?" && !writing(event)) doVerb("keys");
  if (event.key === "Escape" && panels.current) {
    panels.close();
    showActs();
  }
  // A key held down is one press.
  if (event.repeat && !writing(event) && ["Space", "Enter", "NumpadEnter"].includes(event.code)) event.preventDefault();
});
document.addEventListener("keyup", (event) => {
  if (event.code === "Space" && event.target === main) event.preventDefault(); // the keydown did it
});

// -- start -------------------------------------------------------------------------------------------------

function seen(fresh) {
  heardNow(fresh.now);
  view = fresh;
}

async function look() {
  const asked = age;
  try {
    const [fresh, late] = await Promise.all([api("GET", HERE, { tries: [0] }), lookMissed(), hall ? null : lookHall()]);
    away = false;
    if (asked !== age || acts.now) return;
    seen(fresh.data);
    missed = late;
    render();
  } catch (error) {
    if (error instanceof Problem) acts.refusal(error);
    else if (!(error instanceof Offline)) throw error;
    away = error instanceof Offline;
    if (error instanceof Problem) answer(refusalWords(error), "bad");
    showActs();
  }
}

async function lookHall() {
  hall = (await api("GET", HALL, { tries: [0] })).data;
}

async function lookCatalogue() {
  matters.know((await api("GET", `${HALL}/items`)).data.items);
}

/** Those who missed their call at queues of this counter; asked only when the middle shows them. */
async function lookMissed() {
  if (!missedDue || !view || view.ticket || view.state !== "open") return missed;
  missedDue = false;
  const found = (await api("GET", `${HALL}/tickets?state=no_show`, { tries: [0] })).data.items;
  return found.filter((one) => one.can_reinstate && view.queues.includes(one.queue))
    .sort((a, b) => (a.ended_at < b.ended_at ? 1 : -1)).slice(0, 6);
}

function touches(event) {
  if (["ticket.no_show", "ticket.reinstated", "ticket.expired"].includes(event.type)) missedDue = true;
  if (event.counter === COUNTER || event.reserved_for === COUNTER) return SOON;
  if (event.type.startsWith("counter.") || event.type.startsWith("queue.")) hall = null; // names and states for Transfer
  if (!view || event.type === "tick") return null;
  const mine = [event.queue, event.from_queue, ...Object.keys(event.waiting || {})].some((code) => view.queues.includes(code));
  return mine || event.type.startsWith("counter.") ? LATER : null;
}

async function closeFirst() {
  if (!view || view.state === "closed") return true;
  if (view.ticket) {
    answer(t("First finish the number in hand, then sign out."), "bad");
    return false;
  }
  const result = await acts.perform(t("Close"), "POST", `${HERE}/close`);
  if (result?.refused) answer(refusalWords(result.refused), "bad");
  return Boolean(result && !result.refused);
}

main.addEventListener("click", mainVerb);
for (const button of parts("words").map((words) => words.closest("[data-verb]"))) {
  button.addEventListener("click", () => doVerb(button.dataset.verb));
}
part("back").addEventListener("click", () => { panels.close(); showActs(); });
part("other").addEventListener("submit", (event) => {
  event.preventDefault();
  pause(part("other").querySelector("input").value.trim());
});

const live = new Live({
  namespace: "/counter",
  hall: facts.hall,
  ask: look,
  touches,
  onState: (state) => {
    feed = state;
    if (state === "live") acts.hurry();
    showActs();
  },
});
startBar({ withdraw: () => acts.withdraw(), beforeSignOut: closeFirst });
everySecond(tick);
live.poke();
lookCatalogue().catch(() => {}); // only an aid: the matters are named without it
main.focus({ preventScroll: true });
