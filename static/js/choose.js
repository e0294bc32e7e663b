// The choice of a counter: a press opens it and goes to work there.
import { facts, say } from "./page.js";
import { t } from "./strings.js";
import { Acts } from "./staff/acts.js";
import { showFeed, showLost, startBar } from "./staff/bar.js";
import { part, set } from "./staff/dom.js";
import { Live } from "./staff/live.js";
import { refusalWords } from "./staff/words.js";

const tiles = part("counters");
const answer = part("answer");
const acts = new Acts({ onChange: () => showLost(Boolean(acts.now?.lost), acts.now?.name) });
let typed = "";

function tell(words, kind = "") {
  say(answer, words);
  set(answer, "data-kind", kind);
}

const workAt = (number) => {
  const address = new URLSearchParams(location.search);
  address.delete("choose");
  address.set("counter", number);
  location.assign(`/console?${address}`);
};

async function open(tile) {
  const number = tile.dataset.counter;
  if (tile.getAttribute("aria-disabled")) {
    tell(t("{name} works at counter {number}. Choose another one.", { number, name: tile.querySelector(".tile-who").textContent }), "bad");
    return;
  }
  set(tile, "aria-busy", "true");
  const result = await acts.perform(t("Open the counter"), "POST", `/halls/${facts.hall}/counters/${number}/open`, { agent: facts.login });
  set(tile, "aria-busy", null);
  if (result?.refused) tell(refusalWords(result.refused), "bad");
  else if (result) workAt(number);
}

/** The tiles as the server draws them now: who opened what meanwhile. */
async function look() {
  const page = await fetch(location.href, { credentials: "same-origin" });
  if (new URL(page.url).pathname !== location.pathname) {
    location.reload(); // signed out meanwhile
    return;
  }
  const fresh = new DOMParser().parseFromString(await page.text(), "text/html").querySelector('[data-part="counters"]');
  if (!fresh || fresh.innerHTML === tiles.innerHTML) return;
  const focused = document.activeElement?.dataset?.counter;
  tiles.replaceChildren(...fresh.children);
  if (focused) tiles.querySelector(`[data-counter="${focused}"]`)?.focus();
}

tiles.addEventListener("click", (event) => {
  const tile = event.target.closest("[data-counter]");
  if (tile) open(tile);
});

document.addEventListener("keydown", (event) => {
  if (/^\d$/.test(event.key)) typed += event.key;
  else if (event.key === "Escape" || event.key === "Backspace") typed = "";
  else if (event.key !== "Enter" || !typed) return;
  const tile = tiles.querySelector(`[data-counter="${Number(typed)}"]`);
  tile?.focus();
  if (event.key !== "Enter") return;
  event.preventDefault();
  typed = "";
  if (tile) open(tile);
});

const live = new Live({
  namespace: "/counter",
  hall: facts.hall,
  ask: () => look().catch(() => showFeed("offline")),
  touches: (event) => (event.type.startsWith("counter.") ? 300 : null),
  onState: (state) => { showFeed(state); if (state === "live") acts.hurry(); },
});
startBar({ withdraw: () => acts.withdraw() });
live.poke();
(tiles.querySelector("button:not([aria-disabled])") || document.body).focus();
