// Keeping a view fresh: the feed pokes, the API answers. One question at a time; a poke waits a little, so that a
// burst of events is one question.
import { Feed } from "../feed.js";

const SLOW = 20_000; // asked again even when no poke came
const AGAIN = 300; // least ms between two questions

export class Live {
  /** `touches(event)`: after how many ms to look again, or null when the event is none of ours. */
  constructor({ namespace, hall, ask, touches, onState }) {
    Object.assign(this, { ask, touches, onState });
    this.due = null;
    this.asking = false;
    this.asked = 0;
    this.feed = new Feed({
      namespace,
      auth: { hall },
      onSnapshot: () => this.poke(0),
      onEvent: (event) => this.hear(event),
      onState,
    });
    const look = () => document.hidden || this.poke(0);
    setInterval(look, SLOW);
    document.addEventListener("visibilitychange", look);
    addEventListener("online", look);
  }

  hear(event) {
    const wait = this.touches(event);
    if (wait !== null) this.poke(wait);
  }

  poke(wait = 0) {
    const at = Math.max(Date.now() + wait, this.asked + AGAIN);
    if (this.due !== null && this.due <= at) return;
    clearTimeout(this.timer);
    this.due = at;
    this.timer = setTimeout(() => this.look(), at - Date.now());
  }

  async look() {
    this.due = null;
    if (this.asking) {
      this.poke(AGAIN);
      return;
    }
    this.asking = true;
    this.asked = Date.now();
    try {
      await this.ask();
    } finally {
      this.asking = false;
    }
  }
}
