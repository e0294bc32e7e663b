// The matters of the ticket in hand and an outcome for each. What was chosen survives a reload.
import { h, say } from "../page.js";
import { list, named, t } from "../strings.js";
import { part, rows, set, show, stamp } from "./dom.js";
import { OUTCOMES, outcomeWords } from "./words.js";

const memory = (id) => `yichuang.outcomes.${id}`;

export class Matters {
  constructor(box, none) {
    Object.assign(this, { box, none, ticket: null, chosen: {}, at: 0, papers: new Map() });
  }

  /** The catalogue: what each matter needs is shown with it, so that what is missing is told once and wholly. */
  know(items) {
    this.papers = new Map(items.map((item) => [item.code, item.papers]));
    if (this.ticket) this.show(this.ticket);
  }

  show(ticket) {
    if (this.ticket?.id !== ticket.id) {
      this.chosen = JSON.parse(sessionStorage.getItem(memory(ticket.id)) || "{}");
      this.at = 0;
    }
    this.ticket = ticket;
    show(this.none, !ticket.items.length);
    rows(this.box, ticket.items, (item) => `${ticket.id}/${item.code}`, (item) => this.make(item), (row, item) => this.fill(row, item));
    this.mark();
  }

  make(item) {
    const row = stamp("matter");
    const name = `outcome-${item.code}`;
    set(part("outcomes", row), "aria-label", named(item));
    part("name", row).textContent = named(item);
    part("code", row).textContent = item.code.length > 12 ? "" : item.code;
    part("outcomes", row).append(...OUTCOMES.map((outcome, place) => h("label", { class: "outcome" },
      h("input", { type: "radio", name, value: outcome, onchange: () => this.choose(place + 1, item) }),
      h("span", {}, h("kbd", { class: "key", "aria-hidden": "true" }, String(place + 1)), outcomeWords(outcome)))));
    const note = part("note", row);
    set(note, "aria-label", t("Note for {item}", { item: named(item) }));
    set(note, "placeholder", t("Note, for example what is missing"));
    note.addEventListener("input", () => this.keep(item, { note: note.value }));
    row.addEventListener("focusin", () => { this.at = this.ticket.items.findIndex((one) => one.code === item.code); this.mark(); });
    return row;
  }

  fill(row, item) {
    const { outcome, note } = this.of(item);
    row.querySelector(`[value="${outcome}"]`).checked = true;
    show(part("note", row), outcome !== "done");
    const papers = this.papers.get(item.code) || [];
    show(part("papers", row), papers.length);
    say(part("papers", row), t("Needs: {papers}", { papers: list(papers) }));
    const field = part("note", row);
    if (document.activeElement !== field && field.value !== note) field.value = note;
  }

  of(item) {
    return { outcome: "done", note: "", ...this.chosen[item.code] };
  }

  keep(item, change) {
    this.chosen[item.code] = { ...this.of(item), ...change };
    sessionStorage.setItem(memory(this.ticket.id), JSON.stringify(this.chosen));
  }

  /** The n-th outcome, for the matter that is marked or the given one. */
  choose(n, item = this.ticket?.items[this.at]) {
    if (!item || !this.box.offsetParent || !OUTCOMES[n - 1]) return false;
    this.keep(item, { outcome: OUTCOMES[n - 1] });
    this.show(this.ticket);
  }

  step(by) {
    if (!this.ticket?.items.length || !this.box.offsetParent) return false;
    this.at = Math.min(Math.max(this.at + by, 0), this.ticket.items.length - 1);
    this.mark();
    this.box.children[this.at].scrollIntoView({ block: "nearest" });
  }

  mark() {
    [...this.box.children].forEach((row, place) => set(row, "data-marked", place === this.at));
  }

  outcomes() {
    if (!this.ticket?.items.length) return {};
    return { outcomes: this.ticket.items.map((item) => {
      const { outcome, note } = this.of(item);
      return { item: item.code, outcome, note: outcome === "done" ? null : note.trim() || null };
    }) };
  }

  forget(id) {
    sessionStorage.removeItem(memory(id));
  }
}
