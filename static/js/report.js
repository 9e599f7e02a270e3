// What came of it: page views and outcomes, told as far as the choice allows. Part of the guard; see visitor.js.

let queue = [];
let timer;
let viewed; // the path last logged
const MAX_PATH = 2048; // the service takes no longer ones

/** What may be sent of this page now; in the end an empty string, and then nothing is. */
function mayTell() {
  if (foreign) return "";
  if (decision("visit").allowed) return "events";
  if (Object.keys(SETTINGS.trackers).some((id) => decision(id).reason === "granted")) return "totals";
  return SETTINGS.anonymous && !(choice && choice.objects) ? "anonymous" : "";
}

function report(tracker, outcome, reason) {
  emit("outcome", { tracker, outcome, reason });
  const may = mayTell();
  if (may === "events") note({ kind: "outcome", tracker, outcome, reason, path: location.pathname });
  else if (may) note([tracker, outcome, reason]);
}

const noted = new Set();

/** Notes an address that was reached, or that a policy kept from being reached, once for each tracker. */
function seen(address, outcome) {
  if (!/^(https?|wss?):/.test(address)) return;
  const url = new URL(address);
  const { trackers, gate } = SETTINGS;
  if ([location.host, base.host, ...gate.hosts].some((host) => fits(host, url))) return;
  const id = Object.keys(trackers).find((tracker) => serves(tracker, url)) || "unknown";
  if (lent.has(id)) return;
  const { allowed, reason } = decision(id);
  const what = outcome || (allowed ? "requested" : "slipped");
  if (noted.has(id + what + reason)) return;
  noted.add(id + what + reason);
  report(id, what, reason);
}

/** Logs the view of a page, once until its path changes. */
function view() {
  const path = location.pathname;
  if (path === viewed || mayTell() !== "events") return;
  // The host it came from is all that is told of it.
  const referrer = viewed || !document.referrer ? "" : new URL("/", document.referrer).href;
  viewed = path;
  note({ kind: "view", path, referrer });
}

function note(entry) {
  queue.push(entry.kind ? { id: eventId(), ...entry, path: entry.path.slice(0, MAX_PATH) } : entry);
  clearTimeout(timer);
  timer = setTimeout(flush, 1000);
  if (queue.length > 99) flush();
}

/** A UUIDv7 in hex (RFC 9562 section 5.7): a repeated event is recognised by it. */
function eventId() {
  const random = crypto.getRandomValues(new Uint8Array(10));
  const hex = Array.from(random, (byte) => (byte + 256).toString(16).slice(1)).join("");
  return Date.now().toString(16).padStart(12, "0") + "7" + hex.slice(1, 4) + "89ab"[random[2] & 3] + hex.slice(5);
}

function flush() {
  const may = mayTell();
  const rows = queue.splice(0);
  if (!may || !rows.length) return;
  const body = JSON.stringify({ [may === "events" ? may : "totals"]: rows });
  // Who has not agreed is counted without cookies, and sendBeacon would send them.
  if (may === "anonymous" || !apply(sendBeacon, navigator, [`${base}events`, body])) deliver(body, may, 4000);
}

async function deliver(body, may, wait) {
  const credentials = may === "anonymous" ? "omit" : "include";
  const sent = fetch(`${base}events`, { method: "POST", body, credentials, referrerPolicy: "no-referrer", keepalive: true });
  const answer = await sent.catch(() => ({}));
  if (answer.status === 503 && may === mayTell() && wait < 60000) setTimeout(deliver, wait, body, may, wait * 2);
}
