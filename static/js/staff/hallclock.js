// The hall's clock, not this PC's: every answer that says `now` tells how far this PC is off.

let ahead = 0;

export function heardNow(now) {
  ahead = Date.parse(now) - Date.now();
}

const hallNow = () => Date.now() + ahead;
export const secondsSince = (instant) => Math.max(0, (hallNow() - Date.parse(instant)) / 1000);
export const secondsUntil = (instant) => Math.max(0, (Date.parse(instant) - hallNow()) / 1000);

/** Calls `tick` on each full second while the page is seen. */
export function everySecond(tick) {
  const go = () => document.hidden || tick();
  const next = () => setTimeout(() => { go(); next(); }, 1005 - (Math.floor(hallNow()) % 1000));
  document.addEventListener("visibilitychange", go);
  next();
}
