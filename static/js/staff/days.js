// What earlier days came to: a table over the page, read when it is opened.
import { api, Offline } from "../api.js";
import { facts, h, say } from "../page.js";
import { day, figure, percent, t, tn } from "../strings.js";
import { part, set, show } from "./dom.js";
import { refusalWords } from "./words.js";

const DAYS = `/halls/${facts.hall}/days`;
const DAY_MS = 24 * 3600 * 1000;
const COLUMNS = 8;

let asked = 0;

/** The hall's date so many days ago, as the API writes it. */
function dateBefore(days) {
  const there = new Intl.DateTimeFormat("en-CA", { timeZone: facts.timezone, year: "numeric", month: "2-digit", day: "2-digit" });
  return there.format(new Date(Date.now() - days * DAY_MS));
}

const inMinutes = (seconds) => (seconds === undefined ? "–" : tn("{n} min", "{n} min", Math.round(seconds / 60)));
const cells = (one) => [
  figure(one.issued), figure(one.finished), figure(one.no_show),
  inMinutes(one.wait?.p50), inMinutes(one.wait?.p90), inMinutes(one.service?.mean),
  one.within_target === null ? "–" : percent(one.within_target),
];

function row(one) {
  const today = one.business_date === dateBefore(0) ? h("small", { class: "hint" }, ` ${t("so far")}`) : null;
  const name = h("th", { scope: "row" }, day(`${one.business_date}T12:00:00Z`, "UTC"), today);
  return h("tr", {}, name, cells(one).map((words) => h("td", {}, words)));
}

function waiting() {
  const bar = () => h("td", {}, h("span", { class: "skeleton" }, "0"));
  return Array.from({ length: 7 }, () => h("tr", {}, Array.from({ length: COLUMNS }, bar)));
}

async function read() {
  const mine = ++asked;
  const span = `?from=${dateBefore(Number(part("days-span").value) - 1)}`;
  set(part("days-csv"), "href", `/api/v1${DAYS}${span}&format=csv`);
  const tell = (days, words) => {
    part("days-rows").replaceChildren(...days);
    set(part("days"), "aria-busy", words === null ? "true" : null);
    set(part("days-answer"), "data-kind", words ? "bad" : null);
    say(part("days-answer"), words || "");
    show(part("days-again"), words);
    show(part("days-table"), days.length);
    show(part("days-empty"), words === "" && !days.length);
  };
  tell(waiting(), null);
  try {
    const { data } = await api("GET", DAYS + span, { tries: [0, 600] });
    if (mine === asked) tell(data.items.reverse().map(row), "");
  } catch (error) {
    if (mine === asked) tell([], error instanceof Offline ? t("No connection. Please try again.") : refusalWords(error));
  }
}

export function startDays() {
  part("days-open").addEventListener("click", () => { part("days").showModal(); read(); });
  part("days-close").addEventListener("click", () => part("days").close());
  part("days-span").addEventListener("change", read);
  part("days-again").addEventListener("click", read);
}
