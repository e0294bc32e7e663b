// The kiosk: from "what are you here for?" to a number. One intended number has one key, however often it is asked for.
import { Offline, Problem, api, deviceToken, forgetToken, keepToken, newKey } from "./api.js";
import { $, facts, h, icon, runClock, say } from "./page.js";
import { language, setLanguage, t, tn } from "./strings.js";
import { Catalogue } from "./kiosk/catalogue.js";
import { Idle } from "./kiosk/idle.js";
import { action } from "./kiosk/parts.js";
import * as screens from "./kiosk/screens.js";

const PROBE_MS = 4000;
const LOOK_MS = 15000;
const RENEW_MS = 10 * 60_000; // the catalogue is read again, when nobody stands here
const IDLE_SECONDS = 60, DONE_SECONDS = 45, TAKING_SECONDS = 180, WARN_SECONDS = 30;
const HOME = () => ({ step: "home", theme: null, query: "", items: [], bundle: null, queue: null, priority: null, wish: null, ticket: null, problem: null, lost: false });
const LOW = matchMedia("(min-aspect-ratio: 1/1) and (max-height: 900px)"); // as in kiosk.css
const NO_CORNER = new Set(["home", "pairing", "away", "broken", "loading"]);
const NO_BACK = new Set(["taking", "done", "refused"]);

class Kiosk {
  constructor() {
    this.catalogue = new Catalogue(facts.hall);
    this.token = deviceToken("kiosk");
    this.state = { ...HOME(), step: "loading" };
    this.trail = [];
    this.online = true;
    this.large = false;
    this.renewed = 0;
    this.looking = false;
    this.idle = new Idle({ onWarn: (left, share) => this.warn(left, share), onEnd: () => this.restart() });
    addEventListener("keydown", (event) => event.key === "Escape" && this.mayGoBack() && this.back());
    addEventListener("online", () => this.look());
    LOW.addEventListener("change", () => this.top());
    setInterval(() => this.look(), LOOK_MS);
  }

  // -- getting ready ----------------------------------------------------------------------------------------------

  async begin() {
    if (!this.token) return this.show("pairing");
    try {
      await this.catalogue.load();
      this.renewed = Date.now();
      this.connected(true);
      this.restart();
    } catch (error) {
      if (error instanceof Problem) return this.show("broken", { problem: error });
      this.show("away");
      setTimeout(() => this.begin(), PROBE_MS);
    }
  }

  /** Tries the token: the server looks who asks before it looks what is asked. Gives back what is wrong, if anything. */
  async pair(token) {
    try {
      await api("POST", `${this.catalogue.path}/tickets`, { token, body: {} });
    } catch (error) {
      if (error instanceof Offline) return t("No connection to the server. Please try again.");
      if (error.status !== 422) return t("This token is not valid for this hall.");
    }
    keepToken("kiosk", token);
    this.token = token;
    await this.begin();
    return null;
  }

  /** How the queues stand now; also notices that the network is gone or back. */
  async look() {
    if (this.looking || !this.catalogue.hall || ["pairing", "broken", "away"].includes(this.state.step)) return;
    const before = JSON.stringify(this.catalogue.queues) + this.online;
    this.looking = true;
    try {
      if (this.nobodyHere() && Date.now() - this.renewed > RENEW_MS) await this.renew();
      else await this.catalogue.refresh();
      this.connected(true);
    } catch (error) {
      this.connected(error instanceof Problem);
      if (!this.online) setTimeout(() => this.look(), PROBE_MS);
    } finally {
      this.looking = false;
    }
    const after = JSON.stringify(this.catalogue.queues) + this.online;
    if (this.state.step === "bring" && before !== after) this.render({ keep: true });
    this.news();
  }

  nobodyHere() {
    return this.state.step === "home" && this.idle.limit === null;
  }

  /** New items are there for the next person; on a new day the page itself is fetched anew, as it may have changed. */
  async renew() {
    const day = this.catalogue.hall.business_date;
    await this.catalogue.load();
    this.renewed = Date.now();
    if (!this.nobodyHere()) return;
    if (this.catalogue.hall.business_date !== day) location.reload();
    else this.render({ keep: true });
  }

  connected(yes) {
    const changed = this.online !== yes;
    this.online = yes;
    if (changed) this.news();
  }

  // -- moving about -----------------------------------------------------------------------------------------------

  go(step, change = {}) {
    this.trail.push({ step: this.state.step, theme: this.state.theme });
    this.show(step, change);
  }

  show(step, change = {}) {
    Object.assign(this.state, change, { step });
    this.render();
  }

  mayGoBack() {
    return this.trail.length > 0 && !NO_BACK.has(this.state.step) && !NO_CORNER.has(this.state.step);
  }

  /** One screen back; what was ticked stays ticked. */
  back() {
    const before = this.trail.pop();
    if (before) this.show(before.step, before.step === "bring" ? before : { ...before, bundle: null, queue: null });
  }

  /** The first screen for the next person; with keep, the same person chooses again in the same language. */
  restart({ keep = false } = {}) {
    this.trail = [];
    this.state = HOME();
    if (!keep) {
      this.large = false;
      setLanguage("zh-CN");
    }
    this.render();
  }

  toggle(code) {
    const { items } = this.state;
    this.state.items = items.includes(code) ? items.filter((other) => other !== code) : [...items, code];
    for (const row of document.querySelectorAll(".item")) {
      row.setAttribute("aria-checked", String(this.state.items.includes(row.dataset.code)));
    }
    this.foot(screens[this.state.step](this).onward);
  }

  // -- the number -------------------------------------------------------------------------------------------------

  /** The same wish keeps its key: a second tap, a retry or a lost answer gives the same number. */
  wish(priority) {
    const { bundle, queue, items } = this.state;
    const what = bundle ? { bundle } : queue ? { queue } : { items };
    const body = { ...what, ...(priority ? { priority } : {}), channel: "kiosk" };
    const same = this.state.wish && JSON.stringify(this.state.wish.body) === JSON.stringify(body);
    return same ? this.state.wish : { body, key: newKey() };
  }

  async take(priority) {
    if (this.state.step === "taking") return;
    const wish = this.wish(priority);
    this.show("taking", { priority, wish, lost: false });
    while (this.state.wish === wish) {
      const answer = await this.ask(wish);
      if (this.state.wish !== wish) return; // started over meanwhile
      if (answer) return this.show(answer.step, answer.change);
      await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
    }
  }

  /** One try: the next step, or null when nobody answered. */
  async ask({ body, key }) {
    try {
      const { data } = await api("POST", `${this.catalogue.path}/tickets`, { body, key, token: this.token });
      this.connected(true);
      return { step: "done", change: { ticket: data } };
    } catch (error) {
      if (!(error instanceof Problem)) return this.lose();
      if (error.status === 401 || error.status === 403) {
        forgetToken("kiosk");
        return { step: "pairing", change: {} };
      }
      return { step: "refused", change: { problem: error } };
    }
  }

  lose() {
    this.connected(false);
    if (!this.state.lost) this.show("taking", { lost: true });
    return null;
  }

  // -- painting ---------------------------------------------------------------------------------------------------

  render({ keep = false } = {}) {
    const { step } = this.state;
    document.body.classList.toggle("large", this.large);
    document.body.dataset.step = step;
    this.top();
    if (step === "loading") return;
    const { body, onward, focus } = screens[step](this);
    const scrolled = keep ? $(".port")?.scrollTop : 0;
    const had = keep ? document.activeElement.textContent : "";
    const screen = h("div", { class: "screen" }, body);
    $("#content .screen").replaceWith(screen);
    if (scrolled) $(".port", screen).scrollTop = scrolled;
    if (!keep) (focus || $("h1", screen))?.focus({ preventScroll: true });
    this.foot(onward);
    if (had) [...document.querySelectorAll("button")].find((button) => button.textContent === had)?.focus({ preventScroll: true });
    this.news();
    this.idling(keep);
  }

  top() {
    say($(".topbar .hall"), (language() === "en" && facts.nameEn) || facts.name);
    const other = language() === "en" ? "zh-CN" : "en";
    const switched = { "zh-CN": "\u4e2d\u6587", en: "English" }[other];
    const tools = $(".tools");
    if (LOW.matches) $(".foot .corner").after(tools);
    else $(".topbar").append(tools);
    tools.replaceChildren(
      action("text-size", this.large ? t("Normal type") : t("Large type"), () => this.setLarge(!this.large), { "aria-pressed": String(this.large) }),
      h("button", { type: "button", class: "button", lang: other, onclick: () => this.switchTo(other) }, icon("language"), h("span", {}, switched)));
    document.title = `${$(".topbar .hall").textContent} · ${t("Kiosk")}`;
  }

  setLarge(large) {
    this.large = large;
    this.render({ keep: true });
  }

  switchTo(lang) {
    setLanguage(lang);
    this.render();
  }

  foot(onward) {
    const { step } = this.state;
    const corner = NO_CORNER.has(step) ? [] : [
      !NO_BACK.has(step) && action("back", t("Back"), () => this.back()),
      step !== "done" && action("restart", t("Start over"), () => this.restart()),
    ];
    $(".foot .corner").replaceChildren(...corner.filter(Boolean));
    $(".foot .onward").replaceChildren(...(onward || []));
  }

  news() {
    const place = $(".news");
    const hall = this.catalogue.hall;
    const said = !hall || ["away", "pairing", "broken"].includes(this.state.step) ? "" : !this.online ? t("The connection is lost. We keep trying; you can go on choosing.")
      : !hall.open ? (screens.opens(hall) ? t("The hall is closed. It opens {when}.", { when: screens.opens(hall) }) : t("The hall is closed now."))
        : "";
    place.hidden = !said;
    if (said) place.replaceChildren(icon(this.online ? "closed" : "offline"), h("span", {}, said));
    else place.replaceChildren();
  }

  // -- nobody there? ----------------------------------------------------------------------------------------------

  idling(keep) {
    const { step, items } = this.state;
    const dirty = items.length > 0 || this.large || language() === "en";
    const never = ["pairing", "away", "broken"].includes(step) || (step === "home" && !dirty);
    const seconds = step === "done" ? DONE_SECONDS : step === "taking" ? TAKING_SECONDS : IDLE_SECONDS;
    if (!keep || never !== (this.idle.limit === null)) this.idle.set(never ? null : seconds * (this.large ? 1.5 : 1), WARN_SECONDS);
  }

  warn(left, share) {
    const bar = $(".foot .idle");
    bar.hidden = left === null;
    if (left === null) return;
    if (!bar.firstChild) bar.append(h("span", { class: "text" }), h("span", { class: "track" }, h("span", { class: "left" })));
    say($(".text", bar), tn("Back to the first screen in {n} second. Touch anywhere to stay.", "Back to the first screen in {n} seconds. Touch anywhere to stay.", left));
    $(".left", bar).style.transform = `scaleX(${share.toFixed(3)})`;
  }
}

setLanguage(new URLSearchParams(location.search).get("lang") || "zh-CN");
runClock();
new Kiosk().begin();
