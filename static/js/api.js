// The one way from a page to the server: JSON, a key for every POST, the same key again after a lost answer.
import { language } from "./strings.js";

const TRIES = [0, 600, 1800]; // ms before each try; a hall's network often comes back within a second or two
const PATIENCE = 10_000; // ms for one answer

export class Problem extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || String(status));
    this.name = "Problem";
    this.status = status;
    this.code = problem.code || "error";
    this.title = problem.title || "";
    this.detail = problem.detail || "";
    this.errors = problem.errors || [];
    this.retryAfter = problem.retryAfter ?? null;
  }
}

/** No answer after every try: whether the server did it is not known, so repeat with the same key only. */
export class Offline extends Error {
  constructor(cause) {
    super("offline", { cause });
    this.name = "Offline";
  }
}

/** A key for one intended change. Plain http pages have no crypto.randomUUID. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

const pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });

function headersFor(method, { key, token, body }) {
  const headers = { Accept: "application/json", "Accept-Language": language() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  else if (method !== "GET") headers["X-CSRFToken"] = document.querySelector('meta[name="csrf-token"]')?.content || "";
  if (method === "POST") headers["Idempotency-Key"] = key || newKey();
  return headers;
}

async function once(url, options, signal) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(new Offline("no answer")), PATIENCE);
  const stop = () => patience.abort(signal.reason);
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  try {
    const response = await fetch(url, { ...options, signal: patience.signal });
    return [response, response.status === 204 ? "" : await response.text()];
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

// A proxy in front of a server that restarts answers 502–504: as good as no answer.
const AWAY = new Set([502, 503, 504]);

/**
 * api("POST", "/halls/licheng/tickets", {body, token}) → {status, data}.
 * Throws Problem (the server refused) or Offline (nobody answered). GET and keyed POST are repeated by themselves.
 */
export async function api(method, path, { body, key, token, signal, tries = TRIES } = {}) {
  const options = {
    method, headers: headersFor(method, { key, token, body }), credentials: "same-origin", cache: "no-store",
    body: body === undefined ? undefined : JSON.stringify(body),
  };
  let lost = null;
  for (const delay of tries) {
    if (delay) await pause(delay, signal);
    try {
      const [response, text] = await once(`/api/v1${path}`, options, signal);
      const data = parsed(text);
      if (AWAY.has(response.status) && !data?.code) throw new TypeError(`away: ${response.status}`);
      if (response.ok) return { status: response.status, data };
      throw new Problem(response.status, { ...data, retryAfter: Number(response.headers.get("Retry-After")) || null });
    } catch (error) {
      if (error instanceof Problem) throw error;
      if (signal?.aborted) throw error;
      lost = error;
    }
  }
  throw new Offline(lost);
}

const tokenPlace = (role, hall) => `yichuang.token.${role}.${hall}`;

/** A device's token: from #token= of the address once, then kept by this browser and gone from the address bar. */
export function deviceToken(role, hall = document.body.dataset.hall) {
  const place = tokenPlace(role, hall);
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    localStorage.setItem(place, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return localStorage.getItem(place);
}

export function keepToken(role, token, hall = document.body.dataset.hall) {
  localStorage.setItem(tokenPlace(role, hall), token);
}

export function forgetToken(role, hall = document.body.dataset.hall) {
  localStorage.removeItem(tokenPlace(role, hall));
}
