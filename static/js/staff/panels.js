// The middle of the console: the ticket's matters, or for a moment the choices of a verb. One panel at a time.
import { h, say } from "../page.js";
import { part, parts, rows, set, show } from "./dom.js";

const SHOWN = "[data-panel]";

export class Panels {
  constructor(back, onClose) {
    Object.assign(this, { back, onClose, current: null, resting: "idle", choicesOf: null });
    for (const field of parts("filter")) {
      field.addEventListener("input", () => this.refresh());
      field.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || event.isComposing) return;
        event.preventDefault();
        this.choose(1);
      });
    }
  }

  get panel() {
    return document.querySelector(`[data-panel="${this.current || this.resting}"]`);
  }

  /** What is there when no verb asks. */
  rest(name) {
    this.resting = name;
    this.turn();
  }

  /** `choicesOf(typed)` → [{key, words, more?, badge?, act}] */
  open(name, choicesOf = null) {
    this.current = name;
    this.choicesOf = choicesOf;
    this.turn();
    const filter = part("filter", this.panel);
    if (filter) filter.value = "";
    this.refresh();
    (filter || this.panel.querySelector(".choice") || this.back).focus();
  }

  close() {
    if (!this.current) return;
    this.current = null;
    this.choicesOf = null;
    this.turn();
    this.onClose();
  }

  turn() {
    for (const panel of document.querySelectorAll(SHOWN)) show(panel, panel.dataset.panel === (this.current || this.resting));
    show(this.back, this.current);
  }

  refresh() {
    if (!this.choicesOf) return;
    const found = this.choicesOf(part("filter", this.panel)?.value.trim() || "");
    const keys = !part("filter", this.panel);
    rows(part("choices", this.panel), found, (one) => one.key, () => this.make(), (button, one) => {
      button.act = one.act;
      const place = found.indexOf(one) + 1;
      const badge = part("badge", button);
      say(badge, one.badge || (keys && place < 10 ? String(place) : ""));
      show(badge, badge.textContent);
      set(badge, "class", one.badge ? "choice-badge" : "key");
      say(part("name", button), one.words);
      say(part("more", button), one.more || "");
    });
    show(part("none", this.panel), !found.length);
  }

  make() {
    const button = h("button", { class: "choice", type: "button", onclick: () => button.act() },
      h("span", { data: { part: "badge" } }),
      h("span", { class: "choice-words" }, h("strong", { data: { part: "name" } }), h("small", { data: { part: "more" } })));
    return button;
  }

  choose(n) {
    const button = this.panel.querySelectorAll(".choice")[n - 1];
    if (!button) return false;
    button.click();
  }

  type(text) {
    const filter = part("filter", this.panel);
    if (!filter) return;
    filter.value += text;
    this.refresh();
  }
}
