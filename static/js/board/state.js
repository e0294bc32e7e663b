// What a board shows after an event: the same merge as display/board.py, which is tested for every verb. Pure.

const CALLS = 24;
const CALL_FIELDS = [
  "seq", "at", "type", "number", "counter", "counter_name", "zone", "queue",
  "speech", "spoken", "audio", "speak_until", "business_date",
];

export const isCall = (event) => event.type === "ticket.called" || event.type === "ticket.recalled";

export function apply(board, event) {
  const after = { ...board, seq: event.seq, at: event.at || board.at };
  if (isCall(event)) after.calls = withCall(board.calls, event);
  else if (event.type === "day.closed") {
    after.business_date = event.business_date;
    after.calls = board.calls.filter((call) => call.business_date === event.business_date);
  } else if (event.type === "notice.posted") after.notices = [...withoutNotice(board, event), event.notice];
  else if (event.type === "notice.withdrawn") after.notices = withoutNotice(board, event);
  if (event.waiting) after.waiting = { ...board.waiting, ...event.waiting };
  if (event.counter_now) after.counters = board.counters.map((counter) => withNow(counter, event));
  return after;
}

function withCall(calls, event) {
  const call = Object.fromEntries(CALL_FIELDS.filter((field) => field in event).map((field) => [field, event[field]]));
  return [call, ...calls.filter((other) => other.number !== event.number)].slice(0, CALLS);
}

const withoutNotice = (board, event) => board.notices.filter((notice) => notice.id !== event.notice.id);

function withNow(counter, event) {
  const now = event.counter_now;
  if (counter.counter !== now.counter) return counter;
  const queues = event.queues || counter.queues;
  return { ...counter, queues, state: now.state, number: now.number, serving: now.serving };
}

// An event about a counter or queue set up after the snapshot: only a new snapshot tells of it.
export function isStrange(board, event) {
  const counter = event.counter_now && !board.counters.some((known) => known.counter === event.counter_now.counter);
  const queue = Object.keys(event.waiting || {}).some((code) => !(code in board.waiting));
  return counter || queue;
}

// What concerns one zone's board: its own, and what belongs to no zone.
export const inZone = (thing, zone) => !zone || !thing.zone || thing.zone === zone;
