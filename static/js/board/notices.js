// The line at the bottom: one notice after the other. What fits stands still; what does not runs through once.
import { $ } from "../page.js";

const STAND_MS = 8000;
const EDGE_MS = 1500; // at both ends of a run
const PIXELS_PER_SECOND = 110; // read at walking pace

export class Notices {
  constructor(place) {
    this.place = place;
    this.line = $("span", place);
    this.texts = [];
    this.next = 0;
    this.run();
  }

  show(texts) {
    if (texts.join("\n") === this.texts.join("\n")) return;
    this.texts = texts;
    this.next = 0;
    this.run();
  }

  run() {
    clearTimeout(this.timer);
    this.moving?.cancel();
    const text = this.texts[this.next % this.texts.length] || "";
    this.next += 1;
    this.line.textContent = text;
    const beyond = this.line.scrollWidth - this.place.clientWidth;
    const still = beyond <= 0 || matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.place.classList.toggle("wraps", beyond > 0 && still);
    this.timer = setTimeout(() => this.run(), still ? STAND_MS : this.roll(beyond));
  }

  // Returns how long it takes.
  roll(beyond) {
    const duration = 2 * EDGE_MS + (beyond / PIXELS_PER_SECOND) * 1000;
    const edge = EDGE_MS / duration;
    const end = `translateX(${-beyond}px)`;
    this.moving = this.line.animate(
      [{ transform: "none" }, { transform: "none", offset: edge }, { transform: end, offset: 1 - edge }, { transform: end }],
      { duration, fill: "forwards" },
    );
    return duration;
  }
}
