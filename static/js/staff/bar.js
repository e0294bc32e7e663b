// The bar of every staff page: live or not, what waits for the connection, sign out.
import { api } from "../api.js";
import { runClock, say } from "../page.js";
import { t } from "../strings.js";
import { part, show } from "./dom.js";

/** connecting, live, stale, offline, refused: the feed's own words. */
export function showFeed(state) {
  for (const badge of document.querySelectorAll("[data-feed]")) show(badge, badge.dataset.feed === state);
}

/** What is lost and what that means. `act`: the words of an act that waits to be sent, or null. */
export function showLost(lost, act) {
  show(part("lost"), lost);
  show(part("withdraw"), lost && act);
  if (!lost) return;
  say(part("lost-title"), t("No connection to the server"));
  say(part("lost-words"), act
    ? t("{act}: sent by itself as soon as the connection is back, and only once. Nothing is lost.", { act })
    : t("What you see may be old. The page goes on by itself when the connection is back."));
}

export function startBar({ withdraw, beforeSignOut = async () => true }) {
  runClock();
  part("withdraw").addEventListener("click", withdraw);
  part("sign-out").addEventListener("click", async () => {
    if (!(await beforeSignOut())) return;
    await api("DELETE", "/session");
    location.assign("/signin");
  });
}
