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

const script = document.currentScript;
const base = new URL(".", script.src);
// A host that shares neither origin nor domain with the page: no cookie of its own could reach it.
const foreign =
  base.origin !== location.origin &&
  !(SETTINGS.domain && [base, location].every(({ hostname }) => `.${hostname}`.endsWith(`.${SETTINGS.domain}`)));
const signals = [navigator.globalPrivacyControl === true && "gpc", navigator.doNotTrack === "1" && "dnt"];

let choice = stored();
let request; // the choice on its way to the server

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
  const { purposes, trackers } = asked();
  const { granted = [], trackers: answers = {}, override = [], objects = !!choice && choice.objects } = wish;
  const ages = [wish.age_band, choice && choice.age_band].filter((age) => age != null);
  const yes = purposes.filter((id) => granted.includes(id));
  const next = {
    site: SETTINGS.site,
    notice: SETTINGS.notice,
    day: new Date().toISOString().slice(0, 10).replace(/-/g, ""),
    state: "granted",
    purposes: yes,
    trackers: trackers.filter((id) => hasOwn(answers, id) && answers[id] !== yes.includes(SETTINGS.trackers[id].purpose)),
    override: yes.filter((id) => override.includes(id)),
    age_band: ages.length ? Math.min(...ages) : null,
    objects,
  };
  if (!yes.length && !next.trackers.length) return refuse(next);
  if (!byVisitor()) throw Error("gatekeeper: only a visitor's own click grants");
  const { status, ...answer } = foreign ? keep(next) || { status: 200 } : await post({
    granted: yes,
    refused: purposes.filter((id) => !yes.includes(id)),
    trackers: answers,
    override: next.override,
    notice: next.notice,
    language: wish.language,
    method: wish.method,
    age_band: next.age_band,
    objects,
  });
  if (status === 409) {
    SETTINGS = answer.settings;
    open(true);
    return { state: "stale" };
  }
  if (status !== 200) throw Error(answer.error);
  const kept = stored();
  return kept ? take(kept, answer) : lost("none");
}

/** Refuses everything in this very moment, and lets the server know as soon as it can be reached. */
function refuse(next) {
  if (request) request.abort();
  next.state = choice && choice.state !== "refused" ? "withdrawn" : "refused";
  next.pending = !foreign;
  keep(next);
  const answer = take(next);
  inform(2000);
  return stored() ? answer : lost(next.state);
}

/** Makes a choice the one that counts in this page. */
function take(next, answer) {
  // What was seen under the old choice goes out under it, or not at all.
  if (next && next.state === "granted") flush();
  queue = [];
  choice = next;
  const state = next ? next.state : "none";
  const purposes = grantedPurposes();
  emit("choice", { state, purposes });
  (window.dataLayer ||= []).push({ event: "gatekeeper_choice", purposes });
  if (channel) channel.postMessage(0);
  show();
  const until = next && new Date((dayNumber(next.day) + SETTINGS.days) * DAY * 1000).toISOString().slice(0, 10);
  return { ...answer, state, purposes, until, kept: true };
}

/** Reads the cookie again: another tab, or the server, may have written it. */
function refresh() {
  const next = stored();
  if (JSON.stringify(next) !== JSON.stringify(choice)) take(next);
}

/** Where cookies are blocked nothing is granted, and a tab asks no more than once. */
function lost(state) {
  askedBefore(true);
  return { state, kept: false };
}

/** Tells whether this tab was asked before, as far as it remembers; only where cookies are blocked does it. */
function askedBefore(mark) {
  const note = "gk_asked";
  try {
    const before = sessionStorage[note];
    if (mark) sessionStorage[note] = 1;
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

/** Tells the server of a refusal or withdrawal, until it has heard. */
async function inform(wait) {
  const mine = choice;
  if (!mine || !mine.pending) return;
  const body = { notice: mine.notice, age_band: mine.age_band, objects: mine.objects };
  const { status } = await post(body).catch(() => ({}));
  if (choice !== mine) return;
  if (status === 200) choice = stored() || mine;
  else setTimeout(inform, wait, Math.min(wait * 2, 60000));
}

async function post(body) {
  if (request) request.abort();
  const { signal } = (request = new AbortController());
  setTimeout((late) => late.abort(), 10000, request);
  const answer = await fetch(`${base}choice`, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
    credentials: "include",
    keepalive: true,
    signal,
  });
  return { ...(await answer.json().catch(() => ({}))), status: answer.status };
}

/* ---- Holding and releasing tags ---- */

const HELD = ':is(script[type="text/plain"],:is(iframe,img,video)[data-src],link[data-href])[data-gk]';
const released = new WeakSet();
const blocked = new WeakMap(); // tag -> the reason last reported
let busy; // a script is loading; those after it wait

// Trusted Types: the page's own tags are trusted as much as the page is.
let policy = { createScript: String, createScriptURL: String };
try {
  policy = trustedTypes.createPolicy("gatekeeper", { createScript: (text) => text, createScriptURL: (url) => url });
} catch {
  // Not supported, or not on the page's list; where the page requires it, nothing runs.
}

/** Goes through the held tags in document order and releases what is allowed, each once. */
function scan() {
  for (const tag of document.querySelectorAll(HELD)) {
    if (released.has(tag) || !whole(tag)) continue;
    const [id, fits] = trackerOf(tag);
    const { allowed, reason } = decision(fits ? id : "");
    if (!allowed) {
      if (blocked.get(tag) === reason) continue;
      blocked.set(tag, reason);
      if (!fits) console.warn("gatekeeper: held, as no declared tracker fits", tag);
      report(id, "blocked", reason);
    } else if (tag.localName !== "script") release(tag, tag, id, reason);
    else if (!busy) run(tag, id, reason);
  }
}

/** Tells whether the parser is done with a tag: of a script still arriving, half would run. */
function whole(node) {
  return document.readyState !== "loading" || (node && (node.nextSibling || whole(node.parentNode)));
}

/** Returns a tag's tracker, named or known by its host, and whether it is what the site declared. */
function trackerOf({ dataset }) {
  const { trackers } = SETTINGS;
  try {
    const address = dataset.src || dataset.href;
    const url = new URL(address || base, document.baseURI);
    const ids = dataset.gkTracker ? [dataset.gkTracker] : address ? Object.keys(trackers).filter((id) => serves(id, url)) : [];
    const declared = ids.length === 1 && own(trackers, ids[0]);
    return [ids[0], declared && declared.purpose === (dataset.gk || declared.purpose) && /^http/.test(url.protocol)];
  } catch {
    return [];
  }
}

function serves(id, { host, hostname }) {
  return SETTINGS.trackers[id].hosts.some((pattern) =>
    [host, hostname].some((name) => (pattern[0] === "*" ? name.endsWith(pattern.slice(1)) : name === pattern)),
  );
}

function run(tag, id, reason) {
  const copy = document.createElement("script");
  const src = tag.dataset.src;
  // The guard's own nonce is lent to declared hosts only: else a tag injected into the page could borrow it.
  copy.nonce = tag.nonce || (src && serves(id, new URL(src, document.baseURI)) ? script.nonce : "");
  copy.async = false;
  busy = src && !tag.hasAttribute("async");
  const next = () => {
    busy = false;
    scan();
  };
  if (busy) for (const end of ["load", "error"]) copy.addEventListener(end, next);
  release(tag, copy, id, reason);
  if (!src) copy.text = policy.createScript(tag.text);
  tag.replaceWith(copy);
  if (!src) report(id, "loaded", reason);
}

/** Gives a tag, or the script that takes its place, the attributes that were held back. */
function release(tag, copy, id, reason) {
  released.add(tag);
  report(id, "released", reason);
  copy.addEventListener("load", () => report(id, "loaded", reason));
  copy.addEventListener("error", () => report(id, "failed", reason));
  for (const { name, value } of [...tag.attributes]) {
    const to = name.replace(/^data-(src|href|srcset|poster|type)$/, "$1");
    if (to === name && (copy === tag || name === "type" || name === "nonce")) continue;
    tag.removeAttribute(name);
    copy.setAttribute(to, to === "src" ? policy.createScriptURL(value) : value);
  }
}

/* ---- Telling the server what came of it ---- */

let queue = [];
let timer;
let viewed; // the path last logged

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
  queue.push(entry.kind ? { id: eventId(), ...entry } : entry);
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
  const sent = fetch(`${base}events`, { method: "POST", body, credentials, keepalive: true });
  const answer = await sent.catch(() => ({}));
  if (answer.status === 503 && may === mayTell() && wait < 60000) setTimeout(deliver, wait, body, may, wait * 2);
}

/* ---- What other scripts may not do ---- */

/** Tells whether an address is one of those by which a choice is made. */
function choosing(address) {
  try {
    const { host, pathname } = new URL(address, document.baseURI);
    const path = decodeURIComponent(pathname).replace(/\/+/g, "/");
    return host === base.host && path.startsWith(base.pathname) && /^(choices?|mine)\b/.test(path.slice(base.pathname.length));
  } catch {
    return false;
  }
}

/** Puts a check before a method: for what it finds, the answer is given instead. */
function forbid(owner, name, finds, answer) {
  const original = owner[name];
  owner[name] = function (...args) {
    return finds(args) ? answer() : apply(original, this, args);
  };
}

/** Replaces an argument by the string the browser would make of it, so that it cannot change its mind. */
function addressed(index) {
  return (args) => {
    try {
      return choosing(apply(requestUrl, args[index], []));
    } catch {
      return choosing((args[index] = `${args[index]}`));
    }
  };
}

/** Tells whether a cookie is one of ours, however its name is spaced or prefixed. */
function ours(cookie) {
  return /^[\s\0-\x1f=]*(__[\w-]+-)?gk_/i.test(cookie);
}

function protect() {
  const denied = () => {
    throw new TypeError("gatekeeper: only the visitor chooses");
  };
  forbid(window, "fetch", addressed(0), async () => denied());
  forbid(XMLHttpRequest.prototype, "open", addressed(1), denied);
  forbid(Navigator.prototype, "sendBeacon", addressed(0), () => false);
  Object.defineProperty(Document.prototype, "cookie", {
    ...jar,
    configurable: false,
    set(value) {
      if (!ours((value = `${value}`))) apply(jar.set, this, [value]);
    },
  });
  if (!window.CookieStore) return;
  forbid(CookieStore.prototype, "set", named, async () => {});
  forbid(CookieStore.prototype, "delete", named, async () => {});
}

/** Tells whether cookieStore is asked for a cookie of ours; fixes the name as `addressed` does. */
function named(args) {
  args[0] = Object(args[0]) === args[0] ? { ...args[0] } : { name: `${args[0]}`, value: args[1] };
  args.length = 1;
  return ours((args[0].name = `${args[0].name}`));
}

/* ---- The banner and the way back ---- */

let loaded; // the banner's file
let opened; // how it was last asked for

/** Opens the banner: to ask, or as the preferences. */
function open(ask) {
  const refused = asked().purposes.filter((id) => objected(SETTINGS.purposes[id], signals));
  opened = { ask: ask === true, notice: SETTINGS.notice, choice, objected: refused };
  emit("open", opened);
  const file = spoken(SETTINGS.banner);
  if (!file || file === loaded) return;
  loaded = file;
  const bundle = document.createElement("script");
  bundle.nonce = script.nonce;
  bundle.src = policy.createScriptURL(base + file);
  bundle.onerror = () => (loaded = "");
  document.head.append(bundle);
}

/** Picks the page's language, or the site's. */
function spoken(texts) {
  return own(texts, document.documentElement.lang.toLowerCase().split("-")[0]) || texts[SETTINGS.language];
}

/** Adds the small button by which a visitor who chose finds back, unless the page has its own. */
function offer() {
  if (!choice || document.readyState === "loading" || document.querySelector("[data-gk-open]")) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(
    "button.gk-back{all:initial!important;position:fixed!important;inset:auto auto 1rem 1rem!important;" +
      "z-index:2147483646!important;padding:.8rem 1rem!important;border:1px solid!important;border-radius:2rem!important;" +
      "font:14px/1.4 system-ui!important;color:CanvasText!important;background:Canvas!important;cursor:pointer!important}" +
      "button.gk-back:focus-visible{outline:3px solid!important}@media print{button.gk-back{display:none!important}}",
  );
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const button = document.createElement("button");
  button.className = "gk-back";
  button.dataset.gkOpen = "";
  button.textContent = spoken(SETTINGS.back);
  document.body.append(button);
}

/* ---- The public face ---- */

function emit(name, detail) {
  document.dispatchEvent(new CustomEvent(`gatekeeper:${name}`, { detail }));
}

const api = Object.freeze({
  allows,
  decision: (tracker) => decision(tracker),
  choose,
  withdraw: () => choose(),
  open: () => open(),
  // Custom events are not sent yet.
  event() {},
  /** Calls back on an event, at once where it has been missed; returns its undoing. */
  on(name, fn) {
    const heard = ({ detail }) => fn(detail);
    document.addEventListener(`gatekeeper:${name}`, heard);
    if (name === "open" && opened) fn(opened);
    if (name === "ready" && document.readyState !== "loading") fn();
    return () => document.removeEventListener(`gatekeeper:${name}`, heard);
  },
  push(item) {
    if (typeof item === "function") item(api);
    else api[item[0]](...item.slice(1));
  },
});

/* ---- Beginning ---- */

let channel; // to the site's other tabs

function connect() {
  channel = new BroadcastChannel(`gatekeeper:${SETTINGS.site}`);
  channel.onmessage = () => {
    // The word of a choice may be faster than its cookie, which passes through another process.
    for (const wait of [0, 200, 2000]) setTimeout(refresh, wait);
  };
}

/** Everything that fires waits for this: while a page is prerendered, nobody is there. */
function show() {
  if (document.prerendering) return;
  scan();
  view();
  offer();
}

/** Runs once somebody is there. */
function begin() {
  connect();
  refresh();
  show();
  inform(2000);
  if (due() && !askedBefore(!navigator.cookieEnabled)) open(true);
}

protect();
new MutationObserver((records) => {
  const marked = (node) => node.matches && (node.matches(HELD) || node.querySelector(HELD));
  if (document.readyState === "loading" || records.some(({ addedNodes }) => [...addedNodes].some(marked))) show();
}).observe(document, { childList: true, subtree: true });

for (const name of ["pushState", "replaceState"]) {
  const original = history[name];
  history[name] = function (...args) {
    apply(original, this, args);
    show();
  };
}
addEventListener("popstate", show);
addEventListener("pagehide", () => {
  flush();
  // An open channel would keep the page out of the back/forward cache.
  if (channel) channel.close();
  channel = null;
});
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  viewed = "";
  connect();
  refresh();
  show();
});
document.addEventListener("visibilitychange", () => (document.hidden ? flush() : refresh()));
document.addEventListener("DOMContentLoaded", () => {
  show();
  emit("ready");
});
document.addEventListener("click", (event) => {
  if (!event.target.closest || !event.target.closest("[data-gk-open]")) return;
  event.preventDefault();
  open();
});

const waiting = window.gatekeeper;
Object.defineProperty(window, "gatekeeper", { value: api });
for (const item of Array.isArray(waiting) ? waiting : []) {
  try {
    api.push(item);
  } catch (error) {
    reportError(error);
  }
}
if (document.prerendering) document.addEventListener("prerenderingchange", begin, { once: true });
else begin();
