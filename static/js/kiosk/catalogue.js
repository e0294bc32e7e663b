// What can be chosen: the hall, its items, its queues as they are now. Search works without a network.
import { api } from "../api.js";

const COMMON = 6;
const FOUND = 40;

export class Catalogue {
  constructor(hall) {
    this.path = `/halls/${encodeURIComponent(hall)}`;
    this.hall = null;
    this.items = [];
    this.queues = [];
    this.byCode = new Map();
  }

  async load() {
    const [hall, queues, items] = await Promise.all([this.get(""), this.get("/queues"), this.everyItem()]);
    this.hall = hall;
    this.queues = queues.items;
    this.items = items;
    this.byCode = new Map(items.map((item) => [item.code, item]));
  }

  async get(path) {
    return (await api("GET", this.path + path)).data;
  }

  async everyItem() {
    const items = [];
    for (let after = null; after !== undefined; ) {
      const page = await this.get(`/items?limit=500${after ? `&after=${encodeURIComponent(after)}` : ""}`);
      items.push(...page.items);
      after = page.next ?? undefined;
    }
    return items;
  }

  async refresh() {
    const [hall, queues] = await Promise.all([this.get(""), this.get("/queues")]);
    this.hall = hall;
    this.queues = queues.items;
  }

  common() {
    return [...this.items].sort((a, b) => b.common - a.common).slice(0, COMMON);
  }

  ofTheme(theme) {
    return this.items.filter((item) => item.theme === theme);
  }

  of(codes) {
    return codes.map((code) => this.byCode.get(code)).filter(Boolean);
  }

  /** Names that contain the words, initials or codes that begin with or contain the letters; the common ones first. */
  search(words) {
    const wanted = words.trim().toLowerCase();
    if (!wanted) return [];
    const rank = (item) => {
      const initials = item.initials.toLowerCase();
      if (initials.startsWith(wanted) || item.name.startsWith(wanted)) return 2;
      const inside = initials.includes(wanted) || item.name.toLowerCase().includes(wanted);
      return inside || item.name_en.toLowerCase().includes(wanted) || item.code.toLowerCase().includes(wanted) ? 1 : 0;
    };
    return this.items.map((item) => [rank(item), item]).filter(([found]) => found)
      .sort(([a, one], [b, other]) => b - a || other.common - one.common).slice(0, FOUND).map(([, item]) => item);
  }

  bundle(code) {
    return this.hall.bundles.find((bundle) => bundle.code === code);
  }

  itemsOf(choice) {
    if (choice.queue) return [];
    return this.of(choice.bundle ? this.bundle(choice.bundle).items : choice.items);
  }

  general() {
    return this.queues.find((queue) => queue.general) || this.queues[0];
  }

  /** The line a choice will probably stand in; the server decides when the number is taken. */
  queueOf(choice) {
    const codes = choice.queue ? [choice.queue] : [...new Set(this.itemsOf(choice).map((item) => item.queue))];
    return (codes.length === 1 && this.queues.find((queue) => queue.code === codes[0])) || this.general();
  }
}
