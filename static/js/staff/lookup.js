// A number that exists: look it up, put it back in line, move or cancel it. On the desk and on the manager's page.
import { api, Offline } from "../api.js";
import { facts, h, say } from "../page.js";
import { clock, named, t, tn } from "../strings.js";
import { part, rows, set, show } from "./dom.js";
import { undoable } from "./undo.js";
import { counterName, itemsWords, refusalWords, stateWords } from "./words.js";

const HALL = `/halls/${facts.hall}`;
const BOX = document.querySelector(".find");
const KIND = { waiting: "blue", called: "warn", serving: "good", no_show: "bad" };

export class Lookup {
  /** `act(where, name, method, path, body)` sends a change and tells a refusal in the part `where`. */
  constructor({ act, onChange }) {
    Object.assign(this, { act, onChange, hall: null, ticket: null, asked: 0 });
    this.on("find", "submit", () => this.find(part("number", BOX).value.trim().toUpperCase()));
    this.on("move", "submit", () => this.move());
    this.on("stay", "click", () => this.closeAsks());
    this.on("no", "click", () => this.closeAsks());
    this.on("yes", "click", () => this.cancel());
    this.button("reinstate").addEventListener("click", () => this.reinstate());
    this.button("move").addEventListener("click", () => this.askMove());
    this.button("cancel").addEventListener("click", () => this.askCancel());
  }

  on(name, event, does) {
    part(name, BOX).addEventListener(event, (happened) => { happened.preventDefault(); does(); });
  }

  button(name) {
    return document.querySelector(`[data-act="${name}"]`);
  }

  know(hall) {
    this.hall = hall;
    const option = (words) => (one) => h("option", { value: one.code }, words(one));
    rows(part("to-priority", BOX), hall.priorities, (one) => one.code, option(named));
    rows(part("to-queue", BOX), hall.queues, (one) => one.code, option((one) => `${one.prefix}  ${named(one)}`));
  }

  hear(event) {
    if (this.ticket && event.ticket === this.ticket.id) this.find(this.ticket.number);
  }

  answer(words, kind = "") {
    set(part("find-answer", BOX), "data-kind", kind);
    say(part("find-answer", BOX), words);
  }

  async find(number) {
    if (!number) return;
    part("number", BOX).value = number;
    const before = this.ticket;
    const asked = ++this.asked;
    let found = null;
    let wrong = "";
    try {
      const { data } = await api("GET", `${HALL}/tickets?number=${encodeURIComponent(number)}`, { tries: [0, 600] });
      found = data.items[0] || null;
      if (!found) wrong = t("{number} was not given today. Check the slip.", { number });
    } catch (error) {
      wrong = error instanceof Offline ? t("No connection. Please try again.") : refusalWords(error);
    }
    if (asked !== this.asked) return; // a later question is under way: its answer is the newer one
    this.ticket = found;
    this.answer(wrong, wrong ? "bad" : "");
    // News of the same number in the same state must not shut the form somebody is filling in.
    if (before?.id !== this.ticket?.id || before?.state !== this.ticket?.state) this.closeAsks();
    this.render();
  }

  render() {
    const ticket = this.ticket;
    show(part("ticket", BOX), ticket);
    if (!ticket) return;
    say(part("ticket-number", BOX), ticket.number);
    say(part("ticket-state", BOX), stateWords(ticket.state));
    set(part("ticket-state", BOX), "class", `badge ${KIND[ticket.state] || ""}`.trim());
    rows(part("ticket-facts", BOX), this.facts(), ([name]) => name, () => h("div", {}, h("dt"), h("dd")), (row, [name, value]) => {
      say(row.firstChild, name);
      say(row.lastChild, value);
    });
    const may = { reinstate: ticket.can_reinstate, move: ticket.state === "waiting", cancel: ["waiting", "called"].includes(ticket.state) };
    for (const [name, yes] of Object.entries(may)) show(this.button(name), yes);
    if (!Object.values(may).some(Boolean)) this.answer(t("Nothing can be changed on this number now."));
  }

  priority(code) {
    return named(this.hall?.priorities.find((one) => one.code === code)) || code;
  }

  facts() {
    const { ticket } = this;
    const queue = this.hall?.queues.find((one) => one.code === ticket.queue);
    const declared = ticket.asked_priority ? ` · ${t("declared: {class}", { class: this.priority(ticket.asked_priority) })}` : "";
    return [
      [t("Queue"), named(queue) || ticket.queue_name],
      [t("Matters"), itemsWords(ticket.items)],
      [t("Priority"), this.priority(ticket.priority) + declared],
      [t("Taken"), clock(ticket.issued_at, facts.timezone)],
      [t("Ahead"), ticket.ahead === null ? "" : tn("{n} person", "{n} people", ticket.ahead)],
      [t("Counter"), ticket.counter_name ? counterName({ name: ticket.counter_name }) : ""],
      [t("Missed"), ticket.no_shows ? tn("{n} time", "{n} times", ticket.no_shows) : ""],
    ].filter(([, value]) => value);
  }

  closeAsks() {
    show(part("sure", BOX), false);
    show(part("move", BOX), false);
    set(this.button("move"), "aria-expanded", "false");
  }

  async send(name, path, body) {
    const done = await this.act("find-answer", name, "POST", path, body);
    this.onChange();
    return done;
  }

  async again(ticket) {
    this.closeAsks();
    if (this.ticket?.id === ticket.id) await this.find(ticket.number);
  }

  async reinstate() {
    const { ticket } = this;
    if (!(await this.send(t("Back in line"), `${HALL}/tickets/${ticket.id}/reinstate`))) return;
    undoable(t("{number} is back in line.", { number: ticket.number }));
    await this.again(ticket);
  }

  askCancel() {
    this.closeAsks();
    say(part("sure-words", BOX), t("Cancel {number}?", { number: this.ticket.number }));
    show(part("sure", BOX), true);
    part("no", BOX).focus();
  }

  async cancel() {
    const { ticket } = this;
    if (!(await this.send(t("Cancel the number"), `/tickets/${ticket.id}/cancel`))) return;
    undoable(t("{number} is cancelled.", { number: ticket.number }));
    await this.again(ticket);
  }

  askMove() {
    const opening = part("move", BOX).hidden;
    this.closeAsks();
    if (!opening) return;
    part("to-queue", BOX).value = this.ticket.queue;
    part("to-priority", BOX).value = this.ticket.priority;
    part("to-place", BOX).value = "keep";
    show(part("move", BOX), true);
    set(this.button("move"), "aria-expanded", "true");
    part("to-queue", BOX).focus();
  }

  wanted() {
    const [queue, priority, place] = ["to-queue", "to-priority", "to-place"].map((name) => part(name, BOX).value);
    return {
      ...(queue !== this.ticket.queue ? { queue } : {}),
      ...(priority !== this.ticket.priority ? { priority } : {}),
      ...(place !== "keep" ? { place } : {}),
    };
  }

  /** A place in front or at the end can not be taken back: the old place is gone. */
  async move() {
    const { ticket } = this;
    const wanted = this.wanted();
    if (!Object.keys(wanted).length) {
      this.closeAsks();
      return;
    }
    const path = `${HALL}/tickets/${ticket.id}/move`;
    if (!(await this.send(t("Move"), path, wanted))) return;
    const back = { queue: ticket.queue, priority: ticket.priority };
    undoable(t("{number} is moved.", { number: ticket.number }), wanted.place ? null : async () => {
      await this.send(t("Undo"), path, back);
      await this.again(ticket);
    });
    await this.again(ticket);
  }
}
