// The phone's page of one number: live by a socket, by asking every ten seconds when that is down, and honest about
// when it last heard. What may be done is the server's word; the page only offers what it said.
import { io } from "../vendor/socket.io.esm.min.js";
import { Problem, api, newKey } from "./api.js";
import { $, banner, busy, facts, h, icon, runClock, say, toast } from "./page.js";
import { clock, day, language, list, mark, range, t, tn } from "./strings.js";
import { ahead, counterName, counters, missedRule } from "./ticket.js";

const POLL_MS = 10_000;
const CALM_MS = 60_000; // with a live socket: a look once a minute, for papers, counters and the rest
const STALE_MS = 45_000;
const PLACES = [1, 2, 3, 5, 10];
const OVER = new Set(["finished", "cancelled", "expired"]);
const RATINGS = [mark("Very satisfied"), mark("Satisfied"), mark("Mostly satisfied"), mark("Dissatisfied"), mark("Very dissatisfied")];
const OUTCOMES = {
  done: mark("done"), accepted: mark("accepted"), supplement: mark("papers to be supplemented"),
  rejected: mark("not accepted"), withdrawn: mark("withdrawn"), advice: mark("advice given"),
};

const rules = JSON.parse(facts.rules);
const path = `/tickets/${JSON.parse(facts.ticket).id}`;
let ticket = JSON.parse(facts.ticket);
let heard = Date.now();
let live = false;
let lost = false;
let open = null; // which question stands open: "cancel", "postpone" or none
let trouble = ""; // why the last act was refused; until the next one
const keys = new Map(); // one key for each intended act

// -- hearing ------------------------------------------------------------------------------------------------------

async function look() {
  try {
    const { data } = await api("GET", path, { tries: [0] });
    take(data);
  } catch (error) {
    if (error instanceof Problem && error.status === 404) location.reload();
    lost = true;
    heartbeat();
  }
}

function take(news) {
  heard = Date.now();
  lost = false;
  const before = ticket;
  ticket = { ...ticket, ...news };
  if (JSON.stringify(before) !== JSON.stringify(ticket)) paint(before);
  heartbeat();
}

function listen() {
  const socket = io("/ticket", { auth: { ticket: ticket.id }, transports: ["websocket", "polling"], tryAllTransports: true });
  const turn = (now) => { live = now; look(); };
  socket.on("connect", () => turn(true));
  socket.on("disconnect", () => turn(false));
  socket.on("connect_error", () => { live = false; });
  socket.on("changed", (news) => {
    const told = news.state !== ticket.state;
    take({ counter: null, counter_name: null, ...news });
    if (told) look(); // what else changed with the state
  });
}

function poll() {
  const due = live ? CALM_MS : POLL_MS;
  if (!OVER.has(ticket.state) && Date.now() - heard >= due - 500) look();
  heartbeat();
}

/** Live, or when it was last heard: the page never pretends. */
function heartbeat() {
  const stale = lost || Date.now() - heard > STALE_MS + (live ? CALM_MS : 0);
  const line = $(".heard");
  line.classList.toggle("stale", stale);
  const words = OVER.has(ticket.state) ? t("As of {time}", { time: clock(heard, facts.timezone) })
    : stale ? t("No connection since {time}. We keep trying; your number stays valid.", { time: clock(heard, facts.timezone, { seconds: true }) })
      : live ? t("Live · {time}", { time: clock(heard, facts.timezone, { seconds: true }) })
        : t("Heard at {time}, asking every 10 seconds", { time: clock(heard, facts.timezone, { seconds: true }) });
  say($(".words", line), words);
  const name = stale ? "offline" : "live";
  if (line.dataset.icon !== name) {
    line.dataset.icon = name;
    $(".icon", line)?.replaceWith(icon(name));
  }
}

// -- calling the person -------------------------------------------------------------------------------------------

let sound = null;

/** Browsers let a page sound only after it was touched once. */
function ready() {
  sound ||= new (window.AudioContext || window.webkitAudioContext)();
  Promise.resolve(sound.resume()).then(showSound);
}

/** The button says how it is, in its place: nothing may move under a finger. */
function showSound() {
  const place = $(".sound .words");
  if (place) say(place, sound?.state === "running" ? t("Sound is on") : t("Sound when I am called"));
}

function ring() {
  // Before the first touch a browser refuses to vibrate and complains.
  if (navigator.userActivation?.hasBeenActive !== false) navigator.vibrate?.([400, 200, 400, 200, 800]);
  if (!sound || sound.state !== "running") return;
  [[660, 0], [880, 0.22], [990, 0.44]].forEach(([pitch, delay]) => {
    const tone = sound.createOscillator(), loud = sound.createGain();
    tone.frequency.value = pitch;
    loud.gain.setValueAtTime(0.0001, sound.currentTime + delay);
    loud.gain.exponentialRampToValueAtTime(0.5, sound.currentTime + delay + 0.03);
    loud.gain.exponentialRampToValueAtTime(0.0001, sound.currentTime + delay + 0.4);
    tone.connect(loud).connect(sound.destination);
    tone.start(sound.currentTime + delay);
    tone.stop(sound.currentTime + delay + 0.45);
  });
}

/** Once a call: when it comes, or when the page is opened after it. */
function ringOnce(before) {
  const place = `yichuang.rung.${ticket.id}`;
  const known = before ? before.state === "called" : sessionStorage.getItem(place) === ticket.called_at;
  if (!known) ring();
  if (ticket.called_at) sessionStorage.setItem(place, ticket.called_at);
}

// -- acts ---------------------------------------------------------------------------------------------------------

async function act(verb, body, button) {
  const end = busy(button);
  const wish = `${verb} ${JSON.stringify(body)}`;
  if (!keys.has(wish)) keys.set(wish, newKey());
  try {
    const { data } = await api("POST", `${path}/${verb}`, { body, key: keys.get(wish) });
    keys.delete(wish);
    open = null;
    trouble = "";
    take(data);
    paint(ticket);
  } catch (error) {
    end();
    if (error instanceof Problem) keys.delete(wish);
    trouble = error instanceof Problem ? error.detail || error.title
      : t("No connection. Nothing is lost: touch again when you are back online.");
    paint(ticket);
    look();
  }
}

function question(name, title, text, ...actions) {
  return h("div", { class: "ask", role: "group", "aria-label": title }, h("strong", {}, title), h("p", {}, text),
    h("div", { class: "actions" }, actions));
}

const button = (words, onclick, classes = "") => h("button", { type: "button", class: `button ${classes}`.trim(), onclick }, words);
const keep = () => button(t("No, keep my place"), () => ask(null), "primary");

function ask(name) {
  open = name;
  trouble = "";
  paint(ticket);
  $(".ask .button")?.focus();
}

function verbs() {
  if (ticket.state !== "waiting" && ticket.state !== "called") return null;
  if (open === "cancel") {
    return question("cancel", t("Give up {number}?", { number: ticket.number }), t("The number becomes void. To come back you take a new one and wait from the end."),
      keep(), button(t("Yes, give it up"), (event) => act("cancel", undefined, event.currentTarget), "danger"));
  }
  if (open === "postpone") {
    const choice = (n) => button(tn("{n} place", "{n} places", n), (event) => act("postpone", { places: n }, event.currentTarget));
    return question("postpone", t("How many people may go before you?"),
      tn("You keep your number. You can do this once more today.", "You keep your number. You can do this {n} times today.", ticket.postpones_left),
      PLACES.map(choice), keep());
  }
  return h("div", { class: "verbs" },
    ticket.postpones_left > 0 && h("button", { type: "button", class: "button", onclick: () => ask("postpone") }, icon("clock"), t("I need more time")),
    h("button", { type: "button", class: "button quiet", onclick: () => ask("cancel") }, icon("close"), t("Give up my number")));
}

// -- painting -----------------------------------------------------------------------------------------------------

const queueName = () => (language() === "en" && ticket.queue_name_en) || ticket.queue_name;
const itemName = (item) => (language() === "en" && item.name_en) || item.name;

function number(state, kind, iconName) {
  return h("div", { class: "head" },
    h("p", { class: "hint" }, t("Your number")),
    h("h1", { class: "number", data: { length: ticket.number.length } }, ticket.number),
    h("p", { class: "queue-name" }, queueName()),
    h("p", { class: "state" }, h("span", { class: `badge ${kind}` }, icon(iconName), state)));
}

/** How far the line has moved since this phone first saw it. */
function moved() {
  const place = `yichuang.line.${ticket.id}`;
  const first = Math.max(Number(sessionStorage.getItem(place)) || 0, ticket.ahead);
  sessionStorage.setItem(place, String(first));
  const share = first === 0 ? 1 : 1 - ticket.ahead / (first + 1);
  const filled = h("span", { class: "filled" });
  filled.style.transform = `scaleX(${Math.max(share, 0.03).toFixed(3)})`;
  return h("div", { class: "line", role: "progressbar", "aria-label": t("How far the line has moved"), "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(Math.round(share * 100)) }, filled);
}

const SCREENS = {
  waiting() {
    const next = ticket.ahead === 0;
    return [h("section", { class: "card now" }, number(t("Waiting"), "blue", "hourglass"),
      h("p", { class: "ahead" }, next ? t("You are next") : figureIn(ahead(ticket.ahead), ticket.ahead)),
      moved(),
      h("p", { class: "wait" }, icon("clock"), ticket.wait ? range(ticket.wait) : t("wait not known yet")),
      h("p", { class: "hint" }, next ? t("Please be near the counters now.") : t("Please stay within sight of the screens; this page tells you too."))),
    !ticket.served && banner("warn", "warn", t("No counter serves this business now"), t("Your number is valid; you are called as soon as a counter opens.")),
    ticket.asked_priority && banner("", "info", t("Priority not confirmed yet"), t("Please show your certificate at the guide desk.")),
    ticket.no_shows > 0 && banner("", "info", t("You are back in the line"), missedRule(rules)),
    h("button", { type: "button", class: "button sound", onclick: () => { ready(); toast(t("It will sound once. Please keep this page open.")); } },
      icon("bell"), h("span", { class: "words" }))];
  },
  called() {
    return [h("section", { class: "call", role: "alert" },
      h("p", {}, icon("call"), t("It is your turn")),
      h("p", { class: "number" }, ticket.number),
      h("p", {}, t("please go to")),
      h("h1", { class: "counter" }, figureIn(counterName(ticket.counter_name || ""), ticket.counter_name)),
      ticket.items.length > 0 && h("p", { class: "items" }, list(ticket.items.map(itemName))),
      h("p", { class: "rule" }, missedRule(rules)))];
  },
  serving() {
    return [h("section", { class: "card now" }, number(t("Being served"), "good", "window"),
      h("p", { class: "ahead" }, t("You are at {counter}", { counter: counterName(ticket.counter_name || "") })))];
  },
  held() {
    const kinds = {
      papers: [t("Please fetch the missing papers"), t("Come back to any counter for {queue}. You need no new number.", { queue: queueName() })],
      kept: [t("Your papers stay at {counter}", { counter: counterName(ticket.counter_name || "") }), t("Please come back to the same counter. You need no new number.")],
      waiting: [t("Please wait a little"), t("{counter} is waiting for something and will call you again.", { counter: counterName(ticket.counter_name || "") })],
    };
    const [title, text] = kinds[ticket.hold_kind] || kinds.waiting;
    return [h("section", { class: "card now" }, number(t("On hold"), "warn", "pause"), banner("warn", "info", title, text))];
  },
  no_show() {
    const text = ticket.can_reinstate ? missedRule(rules) : t("It cannot be put back any more. Please take a new number.");
    return [h("section", { class: "card now" }, number(t("Missed"), "bad", "bell"),
      banner("bad", "warn", t("You were called and did not come"), text),
      ticket.can_reinstate && h("p", { class: "hint" }, t("Show this page at the service desk or at any counter.")))];
  },
  finished() {
    return [h("section", { class: "card now" }, number(t("Finished"), "good", "tick"), outcomes()), rating()];
  },
  cancelled() {
    return [h("section", { class: "card now" }, number(t("Given up"), "", "close"),
      h("p", { class: "lead" }, t("This number was given up and is void.")), h("p", { class: "hint" }, t("If you still need something, please take a new number at a kiosk.")))];
  },
  expired() {
    return [h("section", { class: "card now" }, number(t("Expired"), "", "calendar"),
      h("p", { class: "lead" }, t("This number was valid on {day} only.", { day: day(ticket.issued_at, facts.timezone) })),
      h("p", { class: "hint" }, t("If you still need something, please take a new number at a kiosk.")))];
  },
};

/** The figure of a phrase stands out. */
function figureIn(phrase, n) {
  const [before, after] = phrase.split(String(n));
  return after === undefined || !/^\d+$/.test(n) ? phrase : [before.trim(), h("strong", {}, String(n)), after.trim()];
}

function outcomes() {
  const told = ticket.items.filter((item) => item.outcome);
  if (!told.length) return h("p", { class: "lead" }, t("Thank you for your visit."));
  return h("dl", { class: "outcomes" }, told.map((item) => h("div", {}, h("dt", {}, itemName(item)), h("dd", {}, t(OUTCOMES[item.outcome] || item.outcome)))));
}

function rating() {
  if (ticket.rating) {
    return h("section", { class: "card rated" }, icon(`smile-${ticket.rating}`), h("p", {}, h("strong", {}, t("Thank you")), " ", t("You rated: {level}", { level: t(RATINGS[5 - ticket.rating]) })));
  }
  const comment = h("textarea", { id: "comment", maxlength: "500", rows: "3" });
  const face = (words, at) => h("button", { type: "button", class: "face", data: { level: 5 - at }, onclick: (event) => act("rating", { level: 5 - at, comment: comment.value.trim() || null }, event.currentTarget) },
    icon(`smile-${5 - at}`), h("span", {}, t(words)));
  return h("section", { class: "card rating", "aria-labelledby": "rating" },
    h("h2", { id: "rating" }, t("How was it?")), h("p", { class: "hint" }, t("Only if you like. One touch is enough, and it is sent as it is.")),
    h("details", {}, h("summary", {}, t("Say more first")), h("div", { class: "field" }, h("label", { for: "comment" }, t("What should we know?")), comment)),
    h("div", { class: "faces" }, RATINGS.map(face)));
}

function about() {
  if (!["waiting", "held", "no_show"].includes(ticket.state)) return null;
  return [
    ticket.papers.length > 0 && h("section", { class: "card" }, h("h2", {}, t("What to bring")),
      h("ul", { class: "papers", lang: "zh-CN" }, ticket.papers.map((paper) => h("li", {}, icon("paper"), h("span", {}, paper))))),
    h("section", { class: "card" }, h("h2", {}, t("Your visit")), h("dl", { class: "facts" },
      ticket.items.length > 0 && [h("dt", {}, t("Matters")), h("dd", {}, list(ticket.items.map(itemName)))],
      h("dt", {}, t("Counters")), h("dd", {}, counters(ticket.counters)),
      h("dt", {}, t("Taken at")), h("dd", {}, clock(ticket.issued_at, facts.timezone))),
    ticket.state === "waiting" && ticket.no_shows === 0 && h("p", { class: "hint missed" }, missedRule(rules))),
  ];
}

function paint(before = null) {
  document.body.dataset.state = ticket.state;
  const said = before && before.state !== ticket.state;
  const parts = [SCREENS[ticket.state](), trouble && h("div", { role: "alert" }, banner("bad", "bad", t("This did not work"), trouble)), verbs(), about()];
  const typed = $("#comment")?.value;
  $(".ticket").replaceChildren(...parts.flat(Infinity).filter(Boolean));
  if (typed && $("#comment")) $("#comment").value = typed;
  $(".ticket").removeAttribute("aria-busy");
  showSound();
  document.title = title();
  if (said || (before && before.ahead !== ticket.ahead)) say($(".spoken"), document.title);
  if (ticket.state === "called") ringOnce(before);
}

function title() {
  const { number: name } = ticket;
  if (ticket.state === "called") return t("{number}: please go to {counter}", { number: name, counter: counterName(ticket.counter_name || "") });
  return ticket.state === "waiting" && ticket.ahead !== null ? `${name} · ${ahead(ticket.ahead)}` : name;
}

paint();
heartbeat();
runClock();
if (ticket.state !== "cancelled" && ticket.state !== "expired") listen();
setInterval(poll, 1000);
addEventListener("pointerdown", ready, { once: true });
addEventListener("online", look);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
