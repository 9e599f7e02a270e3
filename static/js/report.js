// Telling the service what happened, as far as the choice allows; what there is to log is in log.js. Of the part "page",
// so that it is there when a grant is: a visitor may leave in the moment after it; see choose.js.

const { navigator } = window;
const { sendBeacon } = navigator;
const MAX_PATH = 2048; // the service takes no longer ones
const MAX_ROWS = 99;

let queue = []; // [what it was noted as, the row]
let timer;
let viewed; // what was last logged as viewed
let known = []; // the choice that was asked about last, and what may be sent under it

/** What may be sent of this page now; in the end an empty string, and then nothing is. */
function mayTell() {
  // Asked at every outcome: it takes a decision about each of the trackers.
  if (known[0] !== guard.choice()) known = [guard.choice(), permitted()];
  return known[1];
}

function permitted() {
  if (foreign) return "";
  if (decision("visit").allowed) return "events";
  if (Object.keys(SETTINGS.trackers).some((id) => decision(id).reason === "granted")) return "totals";
  return SETTINGS.anonymous && !guard.choice()?.objects ? "anonymous" : "";
}

/** Tells whether anything may be logged for a purpose. */
function mayLog(purpose) {
  return purpose === SETTINGS.trackers.visit.purpose ? mayTell() === "events" : !!mayTell() && allows(purpose);
}

function outcome(tracker, what, reason) {
  const may = mayTell();
  if (may === "events") log(SETTINGS.trackers.visit.purpose, { kind: "outcome", tracker, outcome: what, reason });
  else if (may) note(may, [tracker, what, reason]);
}

/** Notes something for the log, on this page unless it says on which. */
function log(purpose, row) {
  const path = (row.path ?? location.pathname).slice(0, MAX_PATH);
  if (mayLog(purpose)) note(`log:${purpose}`, { id: eventId(), ...row, path });
}

function note(may, row) {
  queue.push([may, row]);
  clearTimeout(timer);
  timer = setTimeout(flush, 1000);
  if (queue.length > MAX_ROWS) flush();
}

/** A UUIDv7 in hex (RFC 9562 section 5.7): a repeated event is recognised by it. */
function eventId() {
  const random = crypto.getRandomValues(new Uint8Array(10));
  const hex = Array.from(random, (byte) => (byte + 256).toString(16).slice(1)).join("");
  return Date.now().toString(16).padStart(12, "0") + "7" + hex.slice(1, 4) + "89ab"[random[2] & 3] + hex.slice(5);
}

/** Sends what was noted, under what it was noted, or not at all. */
function flush() {
  const rows = queue.splice(0);
  for (const may of new Set(rows.map(([noted]) => noted))) {
    if (!stands(may)) continue;
    const told = rows.filter(([noted]) => noted === may).map(([, row]) => row);
    const body = JSON.stringify(may.startsWith("log:") ? { events: told.map(allowed) } : { totals: told });
    // Who has not agreed is counted without cookies, and sendBeacon would send them.
    if (may === "anonymous" || !sendBeacon.call(navigator, `${base}events`, body)) deliver(body, may, 4000);
  }
}

/** A row without what needs a purpose of its own that is not granted. */
function allowed(row) {
  const { asks } = SETTINGS.log;
  return Object.fromEntries(Object.entries(row).filter(([name]) => !Object.hasOwn(asks, name) || mayLog(asks[name])));
}

/** Tells whether what was noted may be sent still. A grant takes nothing back of what was counted before it. */
function stands(may) {
  if (may.startsWith("log:")) return mayLog(may.slice(4));
  const now = mayTell();
  return may === now || (may === "totals" && now === "events") || (may === "anonymous" && !!now);
}

async function deliver(body, may, wait) {
  const credentials = may === "anonymous" ? "omit" : "include";
  const sent = fetch(`${base}events`, { method: "POST", body, credentials, referrerPolicy: "no-referrer", keepalive: true });
  const answer = await sent.catch(() => ({}));
  if (answer.status === 503 && stands(may) && wait < 60000) setTimeout(deliver, wait, body, may, wait * 2);
}

document.addEventListener("visibilitychange", () => {
  stay();
  if (document.hidden) flush();
});

/** Sends what is left as the page is left. */
function end() {
  const heard = guard.choice();
  // The answer to a grant may have set its cookies before anything here could hear it.
  if (awaited === turn) guard.become(guard.stored());
  if (here) view();
  stay();
  flush();
  guard.become(heard);
  // Nothing starts any more, and nothing is viewed, unless the page comes back from the cache: then it is viewed again.
  here = false;
  viewed = vouched = "";
}

addEventListener("pagehide", end);
