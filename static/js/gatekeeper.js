// The guard's public face, the banner it opens, and its beginning: the last of its files. See visitor.js.

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
