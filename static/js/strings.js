// Words, figures and times in the page's language. Source strings are English; /strings/<lang>.js brings the others.
// Write t("…") with a literal only: the server scans scripts for them.

let lang = document.documentElement.lang === "en" ? "en" : "zh-CN";
const words = () => (lang === "en" ? {} : window.STRINGS || {});

export const language = () => lang;

/** For a page that changes language without reloading (the kiosk): it loads the Chinese words in any case. */
export function setLanguage(code) {
  lang = code === "en" ? "en" : "zh-CN";
  document.documentElement.lang = lang;
}

export function t(msgid, vars = {}) {
  const text = words()[msgid] ?? msgid;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in vars ? String(vars[name]) : whole));
}

/** One or many: tn("{n} person ahead", "{n} people ahead", n). */
export function tn(one, many, n, vars = {}) {
  const text = lang === "en" ? (n === 1 ? one : many) : (words()[many] ?? many);
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name === "n" ? figure(n) : name in vars ? String(vars[name]) : whole));
}

/** Marks a source string that is translated later, where it is shown: t(STATE[code]). */
export const mark = (msgid) => msgid;

/** The name of a hall, queue, item … : English where the language is English and there is one. */
export const named = (thing) => (thing ? (lang === "en" && thing.name_en) || thing.name : "");

export const figure = (n, digits = 0) =>
  new Intl.NumberFormat(lang, { maximumFractionDigits: digits, useGrouping: false }).format(n);

export const percent = (share) => new Intl.NumberFormat(lang, { style: "percent" }).format(share);

/** Several names as one phrase. */
export const list = (names) => names.join(lang === "en" ? ", " : t(", "));

/** Whole minutes, at least one: nobody is helped by "0 minutes". */
export function minutes(seconds) {
  return tn("{n} minute", "{n} minutes", Math.max(1, Math.round(seconds / 60)));
}

/** A clock that runs: 4:05, 1:02:09. */
export function running(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  return (hours ? `${hours}:${two(Math.floor(s / 60) % 60)}` : String(Math.floor(s / 60))) + `:${two(s % 60)}`;
}

// A forecast is rounded outwards, coarser the longer it is: 3–5, 10–20, 45–60.
const STEP = (min) => (min < 10 ? 1 : min < 60 ? 5 : 15);
export function rounded(wait) {
  const from = wait.p50 / 60, to = Math.max(wait.p90, wait.p50) / 60;
  return [Math.floor(from / STEP(from)) * STEP(from), Math.ceil(to / STEP(to)) * STEP(to)];
}

/** A wait {p50, p90} in words: "about 10–20 minutes". Null: nobody can say. */
export function range(wait) {
  if (!wait) return t("wait not known yet");
  const [from, to] = rounded(wait);
  if (to <= 2) return t("less than 3 minutes");
  if (from >= to) return tn("about {n} minute", "about {n} minutes", to);
  return from < 1 ? tn("up to {n} minute", "up to {n} minutes", to)
    : t("about {from}–{to} minutes", { from: figure(from), to: figure(to) });
}

const at = (instant) => (instant instanceof Date ? instant : new Date(instant));

/** 09:05, in the hall's time zone. */
export function clock(instant, tz, { seconds = false } = {}) {
  return new Intl.DateTimeFormat(lang === "en" ? "en-GB" : lang, {
    hour: "2-digit", minute: "2-digit", second: seconds ? "2-digit" : undefined, hourCycle: "h23", timeZone: tz || undefined,
  }).format(at(instant));
}

/** The day in words, in the hall's time zone. */
export function day(instant, tz) {
  return new Intl.DateTimeFormat(lang === "en" ? "en-GB" : lang, {
    month: "long", day: "numeric", weekday: "long", timeZone: tz || undefined,
  }).format(at(instant));
}
