// One act at a time. An act is one intention with one key: when the answer was lost it is sent again with the same
// key until somebody answers or the person withdraws it, so that a lost connection never does a thing twice.
import { api, newKey, Offline, Problem } from "../api.js";

const PAUSES = [600, 1800, 4000]; // ms before the next try while nobody answers; the last one again and again
const UNDER_WAY = 1000; // ms before asking again after "in_progress"

export class Acts {
  constructor({ onChange }) {
    this.onChange = onChange;
    this.now = null; // {name, lost}
  }

  /** → {status, data}, {refused: Problem}, or null: another act is under way, or this one was withdrawn. */
  async perform(name, method, path, body) {
    if (this.now) return null;
    const away = new AbortController();
    this.now = { name, lost: false, away };
    this.onChange();
    try {
      return await this.untilAnswered(method, path, { body, key: newKey(), signal: away.signal });
    } catch (error) {
      if (error instanceof Problem) return this.refusal(error);
      if (away.signal.aborted) return null;
      throw error;
    } finally {
      this.now = null;
      this.onChange();
    }
  }

  async untilAnswered(method, path, request) {
    for (let lost = 0; ; ) {
      try {
        return await api(method, path, { ...request, tries: [0] });
      } catch (error) {
        if (error instanceof Offline) {
          this.now.lost = lost > 0; // one lost answer is mended before anybody notices
          this.onChange();
          await this.pause(PAUSES[Math.min(lost, PAUSES.length - 1)], request.signal);
          lost += 1;
        } else if (error.code === "in_progress") {
          await this.pause(UNDER_WAY, request.signal);
        } else {
          throw error;
        }
      }
    }
  }

  pause(ms, signal) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      this.now.go = () => { clearTimeout(timer); resolve(); };
      signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
    });
  }

  /** The connection is back: do not wait for the next try. */
  hurry() {
    this.now?.go?.();
  }

  withdraw() {
    this.now?.away.abort(new Error("withdrawn"));
  }

  refusal(problem) {
    if (problem.status === 401) location.assign(`/signin?next=${encodeURIComponent(location.pathname + location.search)}`);
    return { refused: problem };
  }
}
