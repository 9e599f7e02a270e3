// The guard: the first script in <head>, synchronous. It holds the page's marked tags until decide() allows them, keeps
// the visitor's choice, and is the only one that may write it. An error anywhere leaves everything held.
// docs/limits.md says what a hostile script on the same page can still do.

// Pristine copies, taken before any other script of the page can replace them.
const { document, navigator, location, history, fetch, URL } = window;
const { apply, getOwnPropertyDescriptor: property } = Reflect;
const { sendBeacon } = navigator;
const jar = property(Document.prototype, "cookie");
const requestUrl = property(Request.prototype, "url").get;
const currentEvent = property(window, "event").get;
const eventType = property(Event.prototype, "type").get;
const isTrusted = property(new Event(""), "isTrusted").get;
const currentScript = property(Document.prototype, "currentScript").get;
const [local, session] = ["localStorage", "sessionStorage"].map((name) => {
  try {
    return window[name];
  } catch {
    return null;
  }
});

const script = document.currentScript;
const base = new URL(".", script.src);
// A host that shares neither origin nor domain with the page: no cookie of its own could reach it.
const foreign =
  base.origin !== location.origin &&
  !(SETTINGS.domain && [base, location].every(({ hostname }) => `.${hostname}`.endsWith(`.${SETTINGS.domain}`)));
const signals = [navigator.globalPrivacyControl === true && "gpc", navigator.doNotTrack === "1" && "dnt"];

let choice = stored();
let turn = 0; // counts the visitor's answers: a grant on its way gives way to a later refusal
const tell = SETTINGS.vendors ? tellVendors : () => {}; // vendors.js, for sites whose vendors have to be told

/* ---- Deciding ---- */

function visitor() {
  return { choice, signals, age_band: null, status: "active" };
}

function decision(tracker) {
  return decide(tracker, visitor(), SETTINGS, Date.now() / 1000);
}

function purposeDecision(purpose) {
  return decidePurpose(purpose, visitor(), SETTINGS, Date.now() / 1000);
}

/** Tells whether a purpose or tracker is allowed; where one id names both, both must be. */
function allows(id) {
  const found = [];
  if (hasOwn(SETTINGS.trackers, id)) found.push(decision(id));
  if (hasOwn(SETTINGS.purposes, id)) found.push(purposeDecision(id));
  return found.length > 0 && found.every(({ allowed }) => allowed);
}

/** What the current notice asks about. */
function asked() {
  return own(SETTINGS.notices, SETTINGS.notice) || { purposes: [], trackers: [] };
}

function grantedPurposes() {
  return asked().purposes.filter(allows);
}

/** Tells whether the visitor has to be asked: no choice, one that ran out, or one about less than is asked today. */
function due() {
  const found = [...asked().purposes.map(purposeDecision), ...asked().trackers.map(decision)];
  return found.some(({ reason }) => ["no_choice", "expired", "stale_notice"].includes(reason));
}

/* ---- Choosing ---- */

function stored() {
  const found = `; ${apply(jar.get, document, [])}`.split(`; ${SETTINGS.cookie}=`)[1] || "";
  return readChoice(found.split(";")[0], SETTINGS);
}

function keep(next) {
  const life = `; Max-Age=${SETTINGS.days * DAY}${SETTINGS.attributes}`;
  apply(jar.set, document, [`${SETTINGS.cookie}=${writeChoice(next, SETTINGS)}${life}`]);
}

/** Records a choice. A refusal holds when this returns; a grant once the server and the cookie have it. */
async function choose(wish = {}) {
  const trusted = byVisitor();
  const mine = ++turn;
  const yes = (wish.granted || []).length || Object.values(wish.trackers || {}).includes(true);
  return yes ? (await part("choose")).grant(wish, trusted, mine) : refuse(wish);
}

/** Refuses everything in this very moment; the server is told as soon as it can be reached. */
function refuse(wish) {
  const next = {
    site: SETTINGS.site,
    notice: SETTINGS.notice,
    day: today(),
    state: choice && choice.state !== "refused" ? "withdrawn" : "refused",
    purposes: [],
    trackers: [],
    override: [],
    age_band: youngest(wish),
    pending: !foreign,
    objects: wish.objects ?? !!(choice && choice.objects),
  };
  keep(next);
  const answer = take(next);
  settle(2000);
  return stored() ? answer : lost(next.state);
}

/** Has the server told of a refusal, and what denied trackers keep cleared, when the part that does so can be had. */
function settle(wait) {
  part("choose").then(
    async ({ inform, clear }) => {
      inform(wait);
      const survivors = await clear();
      if (survivors.length) emit("survivors", survivors);
    },
    () => setTimeout(settle, wait, Math.min(wait * 2, 60000)),
  );
}

/** Where cookies are blocked nothing is granted, and a tab asks no more than once. */
function lost(state) {
  askedBefore(true);
  return { state, kept: false };
}

function today() {
  return new Date().toISOString().slice(0, 10).replace(/-/g, "");
}

function youngest({ age_band }) {
  const ages = [age_band, choice && choice.age_band].filter((age) => age != null);
  return ages.length ? Math.min(...ages) : null;
}

/** Makes a choice the one that counts in this page. */
function take(next, answer) {
  // What was seen under the old choice goes out under it, or not at all.
  if (next && next.state === "granted") flush();
  queue = [];
  choice = next;
  tell();
  const state = next ? next.state : "none";
  const purposes = grantedPurposes();
  emit("choice", { state, purposes });
  try {
    (window.dataLayer ||= []).push({ event: "gatekeeper_choice", purposes });
  } catch {
    // The page's own affair: its data layer takes nothing.
  }
  if (channel) channel.postMessage(0);
  build();
  show();
  // One that ran under the last choice may be denied by this one.
  if (document.querySelector(EMBED)) embeds();
  const until = next && new Date((dayNumber(next.day) + SETTINGS.days) * DAY * 1000).toISOString().slice(0, 10);
  return { ...answer, state, purposes, until, kept: true };
}

/** Reads the cookie again: another tab, or the server, may have written it. */
function refresh() {
  const next = stored();
  const said = (one) => JSON.stringify({ ...one, pending: false });
  if (!next !== !choice || said(next) !== said(choice)) take(next);
  else choice = next; // only the server has heard of it meanwhile
}

/** Tells whether this tab was asked before, as far as it remembers; only where cookies are blocked does it. */
function askedBefore(mark) {
  const note = "gk_asked";
  try {
    const before = session[note];
    if (mark) session[note] = 1;
    return before;
  } catch {
    const before = window.name;
    window.name ||= note;
    return before === note;
  }
}

/** Tells whether this runs in a visitor's own click, which no script can fake. */
function byVisitor() {
  const event = apply(currentEvent, window, []);
  return event && apply(isTrusted, event, []) && apply(eventType, event, []) === "click";
}
