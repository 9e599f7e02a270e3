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
  (window.dataLayer ||= []).push({ event: "gatekeeper_choice", purposes });
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
  if (JSON.stringify(next) !== JSON.stringify(choice)) take(next);
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

/* ---- The policy of this page ---- */

let reach; // the hosts that this document's policies let through; none where there is no policy

/** The hosts that a page may reach: see gatekeeper/core/policy.py. */
function hosts() {
  const { trackers, gate } = SETTINGS;
  const open = Object.keys(trackers).filter((id) => trackers[id].marked || decision(id).allowed);
  return [base.host, ...gate.hosts, ...open.flatMap((id) => trackers[id].hosts)];
}

/** Puts the policy on the page, or one more that narrows it: a browser keeps to all it was given. */
function build() {
  const { gate } = SETTINGS;
  if (gate.off || listed(gate.tags_only)) return;
  const now = hosts();
  if (reach && reach.every((host) => now.includes(host))) return;
  reach = reach ? reach.filter((host) => now.includes(host)) : now;
  const sources = reach.map((host) => ` ${host} https://${host} wss://${host} ws://${host}`).join("");
  const meta = document.createElement("meta");
  meta.httpEquiv = "Content-Security-Policy";
  meta.content = gate.policy.map((directive) => directive + sources).join(";");
  document.head.prepend(meta);
}

/** Tells whether a text names a host beyond the policy; a host that cannot be read is one. */
function strays(text) {
  // JSON may write a slash as "\/", and addresses one as a backslash.
  return [...text.replace(/\\[\\/]/g, "/").matchAll(/\/\/([^/"\s?#]+)/g)].some(([, name]) => {
    try {
      const url = new URL(`http://${name}`);
      return ![location.host, ...reach].some((host) => fits(host, url));
    } catch {
      return true;
    }
  });
}

/** Tells whether the page's path is on a list; an entry that ends with * means all that begin so. */
function listed(patterns) {
  const { pathname: path } = location;
  return (patterns || []).some((pattern) => like(pattern, path));
}

/** Tells whether this document can start a tracker; otherwise the next one does. */
function reachable(id) {
  return !reach || SETTINGS.trackers[id].hosts.every((host) => reach.includes(host));
}

/* ---- Parts that are loaded when they are needed ---- */

const parts = {};
const expected = new WeakMap(); // our own script -> what to do with what it brings

/** Loads a part, once; what it brings is what its function returns. */
function part(name) {
  return (parts[name] ||= new Promise((done, failed) => {
    expected.set(
      load(SETTINGS.parts[name], () => {
        parts[name] = null;
        failed(Error("gatekeeper: the service cannot be reached"));
      }),
      done,
    );
  }));
}

/** Loads a script of our own. */
function load(file, failed) {
  const bundle = document.createElement("script");
  bundle.nonce = script.nonce;
  bundle.src = policy.createScriptURL(base + file);
  bundle.onerror = failed;
  document.head.append(bundle);
  return bundle;
}

/* ---- Holding and releasing tags ---- */

const HELD =
  ':is(script[type="text/plain"],template,[data-src]:not(script),[data-srcset],[data-poster],link[data-href])[data-gk]';
const EMBED = "iframe,video,audio,embed";
const lent = new Set(); // trackers of which the visitor let something load once
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
    const [id = "unknown", fits] = trackerOf(tag);
    const { allowed, reason } = decision(fits ? id : "");
    if (!allowed) {
      if (blocked.get(tag) === reason) continue;
      blocked.set(tag, reason);
      if (!fits) console.warn("gatekeeper: held, as no declared tracker fits", tag);
      report(id, "blocked", reason);
      if (tag.matches(EMBED)) embeds();
    } else if (!reachable(id)) continue;
    else if (tag.localName === "template") unpack(tag, id, reason);
    else if (tag.localName !== "script") release(tag, tag, id, reason);
    else if (!busy) run(tag, id, reason);
  }
}

/** Has held embeds stood in for, and those taken back that no longer may run; without that part they are blank. */
function embeds() {
  part("embeds").then(({ tend }) => tend(), () => {});
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

function serves(id, url) {
  return SETTINGS.trackers[id].hosts.some((pattern) => fits(pattern, url));
}

function fits(pattern, { host, hostname }) {
  return [host, hostname].some((name) => (pattern[0] === "*" ? name.endsWith(pattern.slice(1)) : name === pattern));
}

/** Puts what a template holds in its place; its scripts run as the browser inserts them. */
function unpack(tag, id, reason) {
  released.add(tag);
  report(id, "released", reason);
  tag.replaceWith(document.adoptNode(tag.content)); // adopted, not copied: a copy would lose its shadow roots
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
    return finds(args) ? answer() : apply(original, behind.get(this) || this, args);
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

/** Tells whether a text is meant by a pattern: one that ends with * means all that begin so. */
function like(pattern, text) {
  return pattern.slice(-1) === "*" ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

/** The trackers that declare a name of a cookie, of a storage key, or of a database. */
function owners(name) {
  const { trackers } = SETTINGS;
  return Object.keys(trackers).filter((id) => (trackers[id].keeps || []).some((pattern) => like(pattern, name)));
}

/** Tells whether a name may be kept in the browser. What nobody declared may not, unless the site says otherwise. */
function mayKeep(name) {
  const declared = owners(name);
  return declared.length ? declared.some((id) => decision(id).allowed) : SETTINGS.gate.undeclared;
}

/** Says so where it may not. */
function keeps(name) {
  const may = mayKeep(name);
  if (!may) console.warn(`gatekeeper: "${name}" is not kept: no tracker that may fire declares it`);
  return may;
}

/** Tells whether the text of a cookie is meant to remove it, which anybody may. */
function removes(text) {
  const [age, expires] = ["max-age", "expires"].map((key) => text.match(RegExp(`;\\s*${key}\\s*=([^;]+)`, "i")));
  return age ? age[1] <= 0 : expires && Date.parse(expires[1]) < Date.now();
}

const loans = new WeakMap(); // storage -> what pages get in its place
const behind = new WeakMap(); // the reverse

/** Lends a storage out, so that what may not be kept is not. */
function lend(store) {
  const put = (_, name, text) => {
    if (typeof name === "symbol" || keeps(name)) store[name] = text;
    return true;
  };
  const loan = new Proxy(store, { set: put, defineProperty: (_, name, { value }) => put(store, name, value) });
  loans.set(store, loan);
  behind.set(loan, store);
  return loan;
}

/** Lends a window's storages out; whatever takes a storage takes what is lent. */
function lendAll(win, unkept) {
  const { Storage, StorageEvent } = win;
  for (const name of ["localStorage", "sessionStorage"]) {
    try {
      Object.defineProperty(win, name, { value: lend(win[name]) });
    } catch {
      // The browser lends none: there is nothing to guard.
    }
  }
  for (const name of ["key", "getItem", "removeItem", "clear"]) forbid(Storage.prototype, name, () => false);
  forbid(Storage.prototype, "setItem", (args) => args.length > 1 && unkept(args), () => {});
  translate(Storage.prototype, "length", (get, store) => apply(get, behind.get(store) || store, []));
  translate(StorageEvent.prototype, "storageArea", (get, event) => {
    const store = apply(get, event, []);
    return loans.get(store) || store;
  });
  win.StorageEvent = new Proxy(StorageEvent, {
    construct: (real, [type, init], target) => {
      const storageArea = init && (behind.get(init.storageArea) || init.storageArea);
      return Reflect.construct(real, [type, init && { ...init, storageArea }], target);
    },
  });
}

/** Puts another getter before a property's own. */
function translate(owner, name, answer) {
  const { get } = property(owner, name);
  Object.defineProperty(owner, name, {
    get() {
      return answer(get, this);
    },
  });
}

const guarded = new WeakSet();

/** Puts the checks into a window, and into the same-origin frames that are reached through it. */
function protect(win) {
  const { Document, XMLHttpRequest, Navigator, CookieStore, CacheStorage, IDBFactory, HTMLIFrameElement } = win;
  if (guarded.has(Document)) return;
  guarded.add(Document);
  const denied = () => {
    throw new win.DOMException("gatekeeper: only the visitor chooses", "SecurityError");
  };
  const rejected = async () => denied();
  const unkept = (args) => !keeps((args[0] = `${args[0]}`));
  forbid(win, "fetch", addressed(0), rejected);
  forbid(XMLHttpRequest.prototype, "open", addressed(1), denied);
  forbid(Navigator.prototype, "sendBeacon", addressed(0), () => false);
  forbid(IDBFactory.prototype, "open", unkept, denied);
  if (CacheStorage) forbid(CacheStorage.prototype, "open", unkept, rejected);
  const cookie = property(Document.prototype, "cookie");
  Object.defineProperty(Document.prototype, "cookie", {
    ...cookie,
    // A frame that is reached before its page has come keeps its window, and the guard of that page puts its own.
    configurable: win !== window,
    set(value) {
      value = `${value}`;
      if (ours(value)) return;
      // The last Max-Age counts, so that nothing but a removal comes of it (RFC 6265 section 5.3).
      if (removes(value)) value += ";max-age=0";
      else if (!keeps(value.split(/[=;]/)[0].trim())) return;
      apply(cookie.set, this, [value]);
    },
  });
  lendAll(win, unkept);
  for (const name of ["contentWindow", "contentDocument"]) {
    translate(HTMLIFrameElement.prototype, name, (get, frame) => {
      const found = apply(get, frame, []);
      try {
        protect(found.defaultView || found);
      } catch {
        // Of another origin: out of reach for the page, too.
      }
      return found;
    });
  }
  if (win.RTCPeerConnection) peer(win);
  if (!CookieStore) return;
  const none = async () => {};
  forbid(CookieStore.prototype, "set", (args) => ours(named(args)) || !keeps(named(args)), none);
  forbid(CookieStore.prototype, "delete", (args) => ours(named(args)), none);
}

/** Puts a check into WebRTC, which no content policy covers: it may ask those servers that the page may reach. */
function peer(win) {
  const { RTCPeerConnection } = win;
  const near = (url) => !strays(`//${url.split(":").slice(1).join(":")}`);
  const servers = (config) => {
    if (!reach || !config) return config;
    const told = [...(config.iceServers || [])].map((server) => ({ ...server, urls: [server.urls].flat().map(String) }));
    return { ...config, iceServers: told.filter(({ urls }) => urls.every(near)) };
  };
  const checked = new Proxy(RTCPeerConnection, {
    construct: (real, [config, ...more], target) => Reflect.construct(real, [servers(config), ...more], target),
  });
  win.RTCPeerConnection = RTCPeerConnection.prototype.constructor = checked;
  if (win.webkitRTCPeerConnection) win.webkitRTCPeerConnection = checked;
  forbid(RTCPeerConnection.prototype, "setConfiguration", (args) => void (args[0] = servers(args[0])));
}

/** Returns the name of the cookie that cookieStore is asked for; fixes it as `addressed` does. */
function named(args) {
  args[0] = Object(args[0]) === args[0] ? { ...args[0] } : { name: `${args[0]}`, value: args[1] };
  args.length = 1;
  return (args[0].name = `${args[0].name}`);
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
  load(file, () => (loaded = ""));
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

/** What the guard's own parts, and no other script, may use. */
const inside = {
  ...{ base, foreign, fetch, asked, keep, take, lost, stored, today, youngest, owners, mayKeep, listed, choose: refuse },
  ...{ decision, serves, release, report, emit, byVisitor, trackerOf, load, policy, reachable, lent },
  settings: () => SETTINGS,
  choice: () => choice,
  turn: () => turn,
  storages: () => [local, session].filter(Boolean).map((store) => loans.get(store)),
  expire: (text) => apply(jar.set, document, [text]),
  /** Tells whether something granted lies beyond this document's policies. */
  beyond: () => Object.keys(SETTINGS.trackers).some((id) => decision(id).allowed && !reachable(id)),
  heard() {
    choice = stored() || choice;
  },
  askAgain(settings) {
    SETTINGS = settings;
    open(true);
    return { state: "stale" };
  },
};

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
    const done = expected.get(apply(currentScript, document, []));
    if (done) done(item(inside));
    else if (typeof item === "function") item(api);
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
  if (choice && choice.pending) settle(2000);
  if (due() && !askedBefore(!navigator.cookieEnabled)) open(true);
}

tell();
build();
protect(window);
document.addEventListener("securitypolicyviolation", ({ blockedURI, effectiveDirective }) => {
  seen(blockedURI, "blocked");
  if (effectiveDirective === "frame-src") embeds();
});
new PerformanceObserver((list) => {
  for (const { name } of list.getEntries()) seen(name);
}).observe({ type: "resource", buffered: true });
new MutationObserver((records) => {
  // No policy that leaves inline code alone stops speculation.
  if (reach) for (const rules of document.querySelectorAll('script[type="speculationrules"]')) if (strays(rules.text)) rules.remove();

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
