// The board: what the hall sees and hears. The feed gives state and events; this page paints, and hands what is to be
// said to the speaker.
import { deviceToken, forgetToken, keepToken } from "./api.js";
import { Notices } from "./board/notices.js";
import { Speaker } from "./board/speaker.js";
import { apply, inZone, isCall, isStrange } from "./board/state.js";
import { CounterView, HallView } from "./board/view.js";
import { Feed } from "./feed.js";
import { $, facts, say } from "./page.js";
import { clock, day, t } from "./strings.js";

const FLAP_MS = 3000; // a connection lost for less is not worth a word
const STRANGE_MS = 30_000; // least time between two snapshots asked for because of something unknown
const SPOKEN_MAX = 50;

const view = facts.counter ? new CounterView(facts) : new HallView(facts);
const concerns = (call) => (facts.counter ? call.counter === Number(facts.counter) : inZone(call, facts.zone));
const place = `yichuang.spoken.${facts.hall}.${facts.zone}.${facts.counter}`;

const page = {
  board: null,
  state: "connecting",
  spoken: [], // what was announced, oldest first: {seq, number, how: voice, clip, chime or silent}
};
window.board = page;

let offset = 0; // the server's clock less this machine's
let painting = null;
let restarted = -Infinity;
let offlineTimer = 0;
let tapped = false;
const blinking = [];

const now = () => Date.now() + offset;
page.now = now;

// A message is delayed, never early: of the last minute's differences the greatest is the nearest to the truth.
const differences = [];
function setClock(at) {
  differences.push(Date.parse(at) - Date.now());
  if (differences.length > 12) differences.shift();
  offset = Math.max(...differences);
}

const notices = $("#notices") && new Notices($("#notices"));

// -- painting --------------------------------------------------------------------------------------------------

// A burst of events is painted once.
function paint() {
  painting ??= setTimeout(() => {
    painting = null;
    view.render(page.board);
    for (const call of blinking.splice(0)) view.blink(call);
    showNotices();
  }, 0);
}

function showNotices() {
  const posted = page.board.notices.filter((notice) => inZone(notice, facts.zone) && !(Date.parse(notice.until) < now()));
  notices?.show(posted.length ? posted.map((notice) => notice.text) : [t("Please watch the screen and listen for your number.")]);
}

// -- speaking --------------------------------------------------------------------------------------------------

const speaker = facts.silent ? null : new Speaker({
  chimeUrl: facts.chime,
  onStart: (call) => {
    remember(call.seq);
    view.speak(call);
    say($("#said"), words(call));
  },
  onEnd: (call, how) => {
    view.speak(null);
    page.spoken.push({ seq: call.seq, number: call.number, how });
    if (page.spoken.length > SPOKEN_MAX) page.spoken.shift();
  },
  onSound: (can) => {
    $("#mute").hidden = can;
    $("#tap").hidden = can || tapped;
  },
});

// The newest call whose announcement has begun, kept over a restart of this screen: nothing is said twice.
let begun = Number(localStorage.getItem(place) ?? NaN);
let queued = 0;

function remember(seq) {
  begun = seq;
  localStorage.setItem(place, seq);
}

function announce(call, replayed) {
  if (!concerns(call) || call.seq <= queued) return;
  queued = call.seq;
  if (replayed && now() > Date.parse(call.speak_until)) return;
  blinking.push(call);
  if (speaker) speaker.add(call);
  else say($("#said"), words(call));
}

const words = (call) => Object.values(call.speech).join(" ");

// After a snapshot: what was called while this screen was away, and is still worth saying.
function announceMissed(snapshot) {
  if (Number.isNaN(begun) || begun > snapshot.seq) remember(snapshot.seq); // new here, or the log was restored
  queued = Math.max(begun, queued > snapshot.seq ? 0 : queued);
  for (const call of [...snapshot.calls].reverse()) announce(call, true);
}

// -- the feed --------------------------------------------------------------------------------------------------

const feed = new Feed({
  namespace: "/board",
  auth() {
    const token = deviceToken("board"); // none: the session of a member of staff may speak for this screen
    return token ? { hall: facts.hall, token } : { hall: facts.hall };
  },
  onSnapshot(snapshot) {
    if (!isKnown(snapshot)) return;
    page.board = snapshot;
    setClock(snapshot.at);
    if (speaker) speaker.times = snapshot.speak_times;
    document.body.classList.remove("loading");
    showHead(snapshot);
    announceMissed(snapshot);
    paint();
  },
  onEvent(event, { replayed }) {
    if (!page.board) return;
    if (isStrange(page.board, event) && performance.now() - restarted > STRANGE_MS) {
      restarted = performance.now();
      setTimeout(() => feed.restart(), 0);
    }
    page.board = apply(page.board, event);
    if (isCall(event)) announce(event, replayed);
    if (event.type !== "tick") paint();
  },
  onBeat: (beat) => {
    setClock(beat.at);
    page.heard = now();
  },
  onState: showState,
});
page.feed = feed;

// A zone or counter of the address that the hall has not.
function isKnown(snapshot) {
  const zone = !facts.zone || snapshot.zones.some((one) => one.code === facts.zone);
  const counter = !facts.counter || snapshot.counters.some((one) => one.counter === Number(facts.counter));
  $("#unknown").hidden = zone && counter;
  return zone && counter;
}

function showHead(snapshot) {
  const zone = snapshot.zones.find((one) => one.code === facts.zone);
  if (zone && $("#zone")) say($("#zone"), document.documentElement.lang === "en" ? zone.name_en || zone.name : zone.name);
}

function showState(state, { code } = {}) {
  page.state = state;
  clearTimeout(offlineTimer);
  if (state === "live") {
    $("#stale").hidden = true;
    $("#pairing").hidden = true;
  } else if (state === "stale") showStale();
  else if (state === "offline") offlineTimer = setTimeout(showStale, FLAP_MS);
  else if (state === "refused") showRefused(code);
}

function showStale() {
  $("#stale").hidden = false;
  say($("#stale-since"), page.heard ? t("Not up to date since {time}. Reconnecting …", { time: clock(new Date(page.heard), facts.timezone) })
    : t("No connection to the hall. Reconnecting …"));
}

// -- pairing ---------------------------------------------------------------------------------------------------

function showRefused(code) {
  const foreign = code === "forbidden";
  say($("#pairing-why"), foreign ? t("The token of this screen is for another hall or another kind of device.")
    : deviceToken("board") ? t("The token of this screen is not valid any more.") : t("This screen has not been paired with the hall yet."));
  $("#pairing").hidden = false;
}

$("#pairing-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = $("#pairing-token").value.trim();
  if (!given) return;
  forgetToken("board");
  keepToken("board", given);
  feed.reopen();
});

// A token that is not valid any more would speak louder than the session.
$("#pairing a").addEventListener("click", () => forgetToken("board"));

$("#tap").addEventListener("click", () => {
  tapped = true;
  $("#tap").hidden = true;
});

// -- time ------------------------------------------------------------------------------------------------------

function tick() {
  const at = new Date(now());
  if ($("#clock")) say($("#clock"), clock(at, facts.timezone));
  if ($("#day")) say($("#day"), day(at, facts.timezone));
  if (page.board) paint();
}
setInterval(tick, 1000);
tick();
page.speaker = speaker;
speaker?.start();
