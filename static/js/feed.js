// One hall's feed, complete and in order: docs/events.md, "The client's rule".
//
//   new Feed({namespace: "/board", auth: {token, hall}, onSnapshot, onEvent, onState, onBeat})
//
// onSnapshot(snapshot)        the state at snapshot.seq; everything known before is to be replaced
// onEvent(event, {replayed})  the next event, exactly once, seq after seq; ticks too
// onState(state, detail)      connecting, live, stale, offline, refused; refused comes with {code, problem}
// onBeat({seq, at})           each heartbeat; `at` is the server's clock
//
// Start and reconnect are one path: connect with `after` when something is known, and the server answers with the
// missed events or a snapshot.
import { io } from "../vendor/socket.io.esm.min.js";

const SILENCE_MS = 15000; // nothing heard this long: three heartbeats are missing
// A line that is mended is to be used within 5 s: TCP knocks again after 1 and 2 s, then 4, so that is not waited for.
const CONNECT_MS = 6000;
const AGAIN_MS = 1000; // between two tries, at most, and half as much again by chance
const REPLAY_MS = 8000;
const REFUSED_RETRY_MS = 20000; // a token may be given back, a hall may be loaded
const BUSY_RETRY_MS = 2000;
const EARLY_MAX = 1000; // events kept that came before their turn

export class Feed {
  constructor({ namespace, auth, onSnapshot, onEvent, onState, onBeat }) {
    this.namespace = namespace;
    this.auth = auth;
    this.onSnapshot = onSnapshot;
    this.onEvent = onEvent;
    this.onState = onState || (() => {});
    this.onBeat = onBeat || (() => {});
    this.last = null; // seq of the newest event applied; null = nothing known
    this.early = new Map();
    this.state = null;
    this.closed = false;
    this.reopen = this.reopen.bind(this);
    addEventListener("online", this.reopen);
    this.watch = setInterval(() => this.look(), 1000);
    this.turn("connecting");
    this.open();
  }

  get seq() {
    return this.last;
  }

  close() {
    this.closed = true;
    clearInterval(this.watch);
    removeEventListener("online", this.reopen);
    this.drop();
  }

  // Forget what is known and ask for a snapshot: when an event names something the page has never heard of.
  restart() {
    this.last = null;
    this.early.clear();
    this.reopen();
  }

  open() {
    this.heard = performance.now();
    this.lastBeat = null;
    this.asked = false;
    this.catchingUp = true;
    this.refusedAt = null;
    const socket = io(this.namespace, {
      forceNew: true,
      auth: (answer) => answer(this.credentials()),
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      timeout: CONNECT_MS,
      reconnectionDelay: 500,
      reconnectionDelayMax: AGAIN_MS,
    });
    this.socket = socket;
    socket.on("connect", () => {
      this.catchingUp = true;
      this.lastBeat = null;
      this.asked = false;
    });
    socket.on("snapshot", (snapshot) => this.hear(socket, () => this.replace(snapshot)));
    socket.on("event", (event) => this.hear(socket, () => this.take(event)));
    socket.on("heartbeat", (beat) => this.hear(socket, () => this.beat(beat)));
    socket.on("connect_error", (error) => {
      if (socket === this.socket) this.failed(error);
    });
    socket.on("disconnect", (reason) => {
      if (socket !== this.socket) return;
      this.turn("offline");
      if (reason === "io server disconnect") setTimeout(this.reopen, 1000);
    });
  }

  credentials() {
    const given = typeof this.auth === "function" ? this.auth() : this.auth;
    return this.last === null ? given : { ...given, after: this.last };
  }

  drop() {
    this.socket.off();
    this.socket.disconnect();
  }

  reopen() {
    if (this.closed) return;
    this.drop();
    this.open();
  }

  hear(socket, act) {
    if (socket !== this.socket) return;
    this.heard = performance.now();
    act();
  }

  // Anything but a refusal by our server is the network's: the client tries again by itself.
  failed(error) {
    const problem = error.data || {};
    if (!problem.code || problem.status >= 500) {
      this.turn("offline");
      if (problem.code) setTimeout(this.reopen, BUSY_RETRY_MS);
      return;
    }
    this.refusedAt = performance.now();
    this.turn("refused", { code: problem.code, problem });
  }

  look() {
    const now = performance.now();
    if (this.refusedAt !== null) {
      if (now - this.refusedAt > REFUSED_RETRY_MS) this.reopen();
      return;
    }
    if (now - this.heard > SILENCE_MS) {
      this.turn("stale");
      this.reopen();
    }
  }

  turn(state, detail = {}) {
    // A silent line stays stale until something is heard again.
    if ((state === this.state && state !== "refused") || (this.state === "stale" && state === "offline")) return;
    this.state = state;
    this.onState(state, detail);
  }

  replace(snapshot) {
    this.last = snapshot.seq;
    this.lastBeat = null;
    this.onSnapshot(snapshot);
    this.turn("live");
    this.settle();
  }

  take(event) {
    if (this.last === null || event.seq > this.last + 1) {
      if (this.early.size < EARLY_MAX) this.early.set(event.seq, [event, this.catchingUp]);
      if (this.last !== null) this.ask();
      return;
    }
    if (event.seq <= this.last) return;
    this.apply(event, this.catchingUp || this.asked);
    this.settle();
  }

  apply(event, replayed) {
    this.last = event.seq;
    this.turn("live");
    this.onEvent(event, { replayed });
  }

  // What came before its turn and now follows.
  settle() {
    while (this.early.has(this.last + 1)) {
      const [event, replayed] = this.early.get(this.last + 1);
      this.early.delete(event.seq);
      this.apply(event, replayed);
    }
    for (const seq of this.early.keys()) {
      if (seq <= this.last) this.early.delete(seq);
    }
  }

  // The first heartbeat that is not ahead follows the snapshot or the missed events: from then on what comes is live.
  beat(beat) {
    this.onBeat(beat);
    if (this.last === null) return;
    // A log that went back was restored: what is known here is of another history.
    const wentBack = this.lastBeat === null ? beat.seq < this.last : beat.seq < this.lastBeat;
    this.lastBeat = beat.seq;
    this.turn("live");
    if (beat.seq > this.last || wentBack) this.ask();
    else this.catchingUp = false;
  }

  ask() {
    if (this.asked || !this.socket.connected) return;
    this.asked = true;
    const socket = this.socket;
    socket.timeout(REPLAY_MS).emit("replay", { after: this.last }, (error, answer) => {
      if (socket !== this.socket) return;
      this.asked = false;
      if (error) this.reopen();
      else if (answer && answer.seq === this.last) this.catchingUp = false;
      // Still short: the next heartbeat or event asks again.
    });
  }
}
