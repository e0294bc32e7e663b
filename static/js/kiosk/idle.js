// Nobody there any more: a bar counts the last seconds, then the next person finds the first screen.
const EVENTS = ["pointerdown", "keydown", "wheel", "touchmove"];

export class Idle {
  /** onWarn(secondsLeft | null, share) once a second; onEnd() when the time is over. */
  constructor({ onWarn, onEnd }) {
    this.onWarn = onWarn;
    this.onEnd = onEnd;
    this.limit = null;
    for (const type of EVENTS) addEventListener(type, () => this.touch(), { passive: true, capture: true });
    setInterval(() => this.look(), 500);
  }

  /** limit: seconds until the end (null: never); warn: from how many seconds left the bar shows. */
  set(limit, warn) {
    this.limit = limit;
    this.warn = warn;
    this.touch();
  }

  touch() {
    this.since = Date.now();
    this.look();
  }

  look() {
    if (this.limit === null) return this.onWarn(null, 0);
    const left = this.limit - (Date.now() - this.since) / 1000;
    if (left > 0) return left <= this.warn ? this.onWarn(Math.ceil(left), left / this.warn) : this.onWarn(null, 0);
    this.limit = null;
    this.onEnd();
  }
}
