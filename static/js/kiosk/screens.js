// One question a screen. Each function gets the kiosk and gives {body, onward}; what they may do is the server's word.
import { ahead, closedReason, counters, missedRule } from "../ticket.js";
import { banner, facts, h, icon } from "../page.js";
import { clock, day, language, list, named, range, t, tn } from "../strings.js";
import { action, count, heading, letterKeys, queueFacts, scroller } from "./parts.js";

const DRESS = JSON.parse(facts.dress || "{}");
const COLUMNS = 3; // of the themes, as in kiosk.css
const NOT_DECLARED = new Set(["normal", "appointment"]); // an appointment is made elsewhere, not declared here

export const themeName = (theme) => (language() === "en" && DRESS[theme]?.name_en) || theme;
const themeIcon = (theme) => DRESS[theme]?.icon || "theme-other";

export function opens(hall) {
  if (!hall.opens_at) return "";
  const today = day(hall.now, hall.timezone) === day(hall.opens_at, hall.timezone);
  const time = clock(hall.opens_at, hall.timezone);
  return today ? time : t("{day} at {time}", { day: day(hall.opens_at, hall.timezone), time });
}

export const otherPriorities = (hall) => hall.priorities.filter((priority) => !NOT_DECLARED.has(priority.code));

// -- what are you here for? ---------------------------------------------------------------------------------------

export function home(kiosk) {
  const { catalogue } = kiosk;
  const tile = (name, text, onclick) => h("button", { type: "button", class: "tile", onclick }, icon(name), h("span", {}, text));
  const themes = catalogue.hall.themes.map((theme) =>
    tile(themeIcon(theme), themeName(theme), () => kiosk.go("theme", { theme })));
  if (catalogue.hall.bundles.length) {
    const together = tile("bundle", t("Several matters at once"), () => kiosk.go("bundles"));
    together.classList.add(`span-${COLUMNS - (themes.length % COLUMNS)}`); // no hole at the end of the last row
    themes.push(together);
  }
  const common = catalogue.common();
  const body = h("div", { class: "home" },
    h("div", { class: "find" },
      heading(t("What are you here for?")),
      h("button", { type: "button", class: "search-open", onclick: () => kiosk.go("search") }, icon("search"),
        h("span", {}, t("Search by name or pinyin initials"))),
      common.length > 0 && h("section", { class: "common", "aria-labelledby": "common" },
        h("h2", { id: "common" }, t("Common today")),
        h("div", { class: "rows" }, common.map((item) => itemRow(kiosk, item))))),
    h("section", { class: "all", "aria-labelledby": "all" },
      h("h2", { id: "all" }, t("All matters")),
      h("div", { class: "themes" }, themes)));
  return { body, onward: [...chosenOnward(kiosk), ...(kiosk.state.items.length ? [] : [unsure(kiosk)])] };
}

const unsure = (kiosk) =>
  action("theme-ask", t("Not sure? Take “{queue}”", { queue: named(kiosk.catalogue.general()) }),
    () => kiosk.go("bring", { queue: kiosk.catalogue.general().code, bundle: null }));

function chosenOnward(kiosk) {
  const n = kiosk.state.items.length;
  if (!n) return [];
  return [h("span", { class: "chosen", role: "status" }, count(n)),
    action("next", t("Next step"), () => kiosk.go("bring", { bundle: null, queue: null }), { class: "button primary" })];
}

/** A whole row to tick. */
function itemRow(kiosk, item) {
  const chosen = kiosk.state.items.includes(item.code);
  return h("button", { type: "button", class: "item", role: "checkbox", "aria-checked": String(chosen), data: { code: item.code },
    onclick: () => kiosk.toggle(item.code) },
  h("span", { class: "box" }, icon("tick")),
  h("span", { class: "name" }, named(item)));
}

export function theme(kiosk) {
  const items = kiosk.catalogue.ofTheme(kiosk.state.theme);
  return {
    body: h("div", { class: "page-of-items" },
      heading(themeName(kiosk.state.theme), t("Tick what you want to do, one or several.")),
      scroller(themeName(kiosk.state.theme), h("div", { class: "items" }, items.map((item) => itemRow(kiosk, item))))),
    onward: pickedOnward(kiosk),
  };
}

function pickedOnward(kiosk) {
  const next = chosenOnward(kiosk);
  return next.length ? next : [h("span", { class: "chosen quiet", role: "status" }, t("Nothing ticked yet"))];
}

export function bundles(kiosk) {
  const card = (bundle) =>
    h("button", { type: "button", class: "bundle", onclick: () => kiosk.go("bring", { bundle: bundle.code, queue: null }) },
      icon("bundle"),
      h("span", { class: "name" }, named(bundle)),
      h("span", { class: "hint" }, list(kiosk.catalogue.of(bundle.items).map(named))));
  return {
    body: h("div", { class: "page-of-items" },
      heading(t("Several matters at once"), t("One number, one counter, everything together.")),
      scroller(t("Several matters at once"), h("div", { class: "bundles" }, kiosk.catalogue.hall.bundles.map(card)))),
    onward: [],
  };
}

export function search(kiosk) {
  const input = h("input", { class: "lone", type: "text", inputmode: "none", autocomplete: "off", spellcheck: "false", maxlength: "40",
    id: "words", "aria-label": t("Search by name or pinyin initials"), placeholder: t("For example: SFZ for an identity card"), value: kiosk.state.query });
  const results = h("div", { class: "results" });
  const show = () => {
    kiosk.state.query = input.value;
    const found = kiosk.catalogue.search(input.value);
    results.replaceChildren(found.length ? scroller(t("Found"), h("div", { class: "items" }, found.map((item) => itemRow(kiosk, item)))) : nothing(kiosk, input.value));
    said.textContent = input.value.trim() ? tn("{n} found", "{n} found", found.length) : "";
  };
  const said = h("p", { class: "visually-hidden", role: "status" });
  const write = (text) => { input.value = text; show(); };
  input.addEventListener("input", show);
  const keys = letterKeys({
    onletter: (letter) => write(input.value + letter),
    onerase: () => write(input.value.slice(0, -1)),
    onclear: () => write(""),
  });
  show();
  return {
    body: h("div", { class: "search" }, heading(t("Which matter?")),
      h("div", { class: "search-line" }, icon("search"), input), said, results, keys),
    onward: pickedOnward(kiosk), focus: input,
  };
}

function nothing(kiosk, words) {
  if (!words.trim()) {
    return h("div", { class: "empty" }, icon("search"), h("strong", {}, t("Type the first letter of each syllable")),
      h("p", {}, t("Or choose a subject on the first screen.")));
  }
  return h("div", { class: "empty" }, icon("theme-other"), h("strong", {}, t("Nothing found for “{words}”", { words })),
    h("p", {}, t("Try fewer letters, or take a number for advice: we will find it together.")), unsure(kiosk));
}

// -- what to bring, how long --------------------------------------------------------------------------------------

export function bring(kiosk) {
  const { catalogue, state } = kiosk;
  const queue = catalogue.queueOf(state);
  const items = catalogue.itemsOf(state);
  const several = new Set(items.map((item) => item.queue)).size > 1;
  const body = h("div", { class: "bring" },
    heading(t("Before you take a number")),
    h("section", { class: "card queue", "aria-label": named(queue) },
      h("h2", {}, named(queue), state.bundle && h("span", { class: "badge blue" }, named(catalogue.bundle(state.bundle)))),
      several && h("p", { class: "hint" }, t("All of it is done at one comprehensive counter, under one number.")),
      !queue.open ? null : kiosk.online ? queueFacts(queue) : h("p", { class: "hint" }, t("How it stands is not known just now.")),
      queueNote(kiosk, queue)),
    items.length ? scroller(t("What to bring"), h("div", { class: "papers" }, items.map(paperCard)))
      : h("div", { class: "card flat" }, h("p", {}, t("Please have your identity card ready. Our staff will tell you what else is needed."))));
  const take = () => (otherPriorities(catalogue.hall).length ? kiosk.go("priority") : kiosk.take(null));
  const onward = queue.open || !kiosk.online
    ? [action("next", t("I want a number"), take, { class: "button primary" })]
    : [action("grid", t("Choose another matter"), () => kiosk.restart({ keep: true }), { class: "button primary" })];
  return { body, onward };
}

function queueNote(kiosk, queue) {
  if (!queue.open) {
    return banner("bad", "no", closedReason(queue.closed_because, opens(kiosk.catalogue.hall)), queue.closed_because === "hall_closed"
      ? t("You can read here what to bring; numbers are given when it is open.") : t("Please choose another matter or ask at the service desk."));
  }
  if (queue.counters_open) return null;
  return banner("warn", "warn", t("No counter serves this business now"), t("You may take a number; the wait is not known yet."));
}

function paperCard(item) {
  return h("article", { class: "paper card flat" },
    h("h3", {}, named(item), " ", h("span", { class: "badge" }, icon("clock"), tn("about {n} minute at the counter", "about {n} minutes at the counter", Math.max(1, Math.round(item.usual_minutes))))),
    item.papers.length
      ? h("ul", { lang: "zh-CN" }, item.papers.map((paper) => h("li", {}, icon("paper"), h("span", {}, paper))))
      : h("p", { class: "hint" }, t("Nothing but your identity card.")));
}

// -- priority, the number -----------------------------------------------------------------------------------------

export function priority(kiosk) {
  const normal = h("button", { type: "button", class: "priority normal", onclick: () => kiosk.take(null) },
    icon("ticket"), h("span", { class: "name" }, t("No, take my number")));
  const card = (found) => h("button", { type: "button", class: "priority", onclick: () => kiosk.take(found.code) },
    icon(priorityIcon(found)), h("span", { class: "name" }, named(found)),
    h("span", { class: "hint" }, found.verify ? t("A guide will check your certificate.") : t("Called earlier.")));
  return {
    body: h("div", { class: "priorities" },
      heading(t("Does one of these apply to you?"), t("Touch one, and your number comes.")),
      normal, scroller(t("Priority"), h("div", { class: "rows" }, otherPriorities(kiosk.catalogue.hall).map(card)))),
    onward: [],
  };
}

function priorityIcon(found) {
  const known = [["elder", "theme-aged"], ["disab", "theme-disabled"], ["militar", "theme-police"], ["pregnan", "theme-social"], ["ill", "theme-medical"]];
  return known.find(([part]) => found.code.includes(part))?.[1] || "star";
}

export function taking(kiosk) {
  const body = h("div", { class: "taking", "aria-busy": "true" },
    heading(t("Your number is coming …")),
    h("span", { class: "skeleton big-number" }),
    kiosk.state.lost && banner("warn", "offline", t("The connection to the server is lost"),
      t("We keep asking. However often it is asked, you get one number.")));
  return { body, onward: [] };
}

export function refused(kiosk) {
  const problem = kiosk.state.problem;
  const again = ["busy", "in_progress", "too_many_requests", "internal"].includes(problem.code);
  return {
    body: h("div", { class: "empty refused", role: "alert" }, icon(again ? "hourglass" : "no"),
      h("h1", { tabindex: "-1" }, t("No number could be taken")),
      h("p", { class: "lead" }, problem.code === "hall_closed" ? closedReason("hall_closed", opens(kiosk.catalogue.hall)) : problem.detail || problem.title),
      h("p", {}, again ? t("Please try again.") : t("Please choose another matter or ask at the service desk."))),
    onward: again ? [action("refresh", t("Try again"), () => kiosk.take(kiosk.state.priority), { class: "button primary" })]
      : [action("grid", t("Choose another matter"), () => kiosk.restart({ keep: true }), { class: "button primary" })],
  };
}

export function done(kiosk) {
  const { ticket } = kiosk.state;
  const queue = language() === "en" && ticket.queue_name_en ? ticket.queue_name_en : ticket.queue_name;
  const fact = (name, text, value) => h("div", { class: "fact" }, icon(name), h("dt", {}, text), h("dd", {}, value));
  const asked = ticket.asked_priority && kiosk.catalogue.hall.priorities.find((found) => found.code === ticket.asked_priority);
  const body = h("div", { class: "done" },
    h("div", { class: "big card" },
      h("p", { class: "lead" }, icon("good"), t("Your number")),
      h("h1", { class: "number", tabindex: "-1", data: { length: ticket.number.length } }, ticket.number),
      h("p", { class: "queue-name" }, queue)),
    h("div", { class: "rest" },
      h("dl", { class: "queue-facts" },
        fact("people", t("Before you"), ticket.ahead === null ? "–" : ticket.ahead === 0 ? ahead(0) : tn("{n} person", "{n} people", ticket.ahead)),
        fact("clock", t("Expected wait"), ticket.wait ? range(ticket.wait) : t("not known yet")),
        fact("window", t("Counters"), counters(ticket.counters))),
      asked && banner("", "info", t("Please show your certificate at the guide desk first"), t("Priority “{name}” counts from then on.", { name: named(asked) })),
      !ticket.served && banner("warn", "warn", t("No counter serves this business now"), t("Your number is valid; you are called as soon as a counter opens.")),
      h("div", { class: "card qr" },
        h("img", { src: `/api/v1/tickets/${ticket.id}/qr.svg`, alt: t("Code for your phone"), width: "320", height: "320" }),
        h("div", {}, h("h2", {}, t("Scan to follow it on your phone")),
          h("p", {}, t("No phone? Watch the screens and listen: your number is shown and spoken."))))),
    h("p", { class: "hint missed" }, icon("info"), h("span", {}, missedRule(kiosk.catalogue.hall.rules))));
  return { body, onward: [action("tick", t("All done"), () => kiosk.restart(), { class: "button primary" })] };
}

// -- when it does not work ----------------------------------------------------------------------------------------

export function away() {
  return {
    body: h("div", { class: "empty away", role: "alert" }, icon("offline"), h("h1", { tabindex: "-1" }, t("No connection to the server")),
      h("p", { class: "lead" }, t("Numbers can be taken again as soon as it is back; this page notices by itself.")),
      h("p", {}, t("In a hurry? Please go to the service desk."))),
    onward: [],
  };
}

export function broken(kiosk) {
  return {
    body: h("div", { class: "empty away", role: "alert" }, icon("warn"), h("h1", { tabindex: "-1" }, t("This kiosk is out of service")),
      h("p", { class: "lead" }, kiosk.state.problem?.detail || ""), h("p", {}, t("Please go to the service desk."))),
    onward: [action("refresh", t("Try again"), () => kiosk.begin())],
  };
}

export function pairing(kiosk) {
  const error = h("p", { class: "error", id: "token-error", role: "alert", hidden: true });
  const input = h("input", { id: "token", type: "text", autocomplete: "off", autocapitalize: "none", spellcheck: "false", required: true, "aria-describedby": "token-error token-hint" });
  const submit = async (event) => {
    event.preventDefault();
    const wrong = await kiosk.pair(input.value.trim());
    if (!wrong) return;
    error.replaceChildren(icon("bad"), wrong);
    error.hidden = false;
    input.setAttribute("aria-invalid", "true");
    input.focus();
  };
  const body = h("form", { class: "pairing card", onsubmit: submit },
    heading(t("Pair this kiosk")),
    h("p", {}, t("This screen is not connected to the hall yet. Applicants: please use another kiosk or the service desk.")),
    h("div", { class: "field" }, h("label", { for: "token" }, t("Token of this kiosk (for the technician)")), input, error,
      h("p", { class: "hint", id: "token-hint" }, t("On the server: python run.py token --role kiosk --hall {hall}", { hall: facts.hall }))),
    h("button", { type: "submit", class: "button primary big" }, icon("key"), t("Pair")));
  return { body, onward: [], focus: input };
}
