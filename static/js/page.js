// The life of a page: what happens in it, its other tabs, and the way back to the choice. The last of the part "page",
// which begins here; see choose.js.

/* ---- The way back ---- */

/** Adds the small button by which a visitor who chose finds back, unless the page has its own. */
function offer() {
  if (!guard.choice() || document.readyState === "loading" || document.querySelector("[data-gk-open]")) return;
  // A sheet of the page's would have all of it styled anew.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(
    ":host{all:initial!important;color-scheme:light dark!important}" +
      "button{position:fixed;inset:auto auto 1rem 1rem;z-index:2147483646;padding:.8rem 1rem;border:1px solid;" +
      "border-radius:2rem;font:14px/1.4 system-ui;color:CanvasText;background:Canvas;cursor:pointer}" +
      "button:focus-visible{outline:3px solid}@media print{button{display:none}}",
  );
  const host = document.createElement("div");
  host.dataset.gkOpen = "";
  const shadow = host.attachShadow({ mode: "open", delegatesFocus: true });
  shadow.adoptedStyleSheets = [sheet];
  const button = document.createElement("button");
  button.textContent = TEXTS.back;
  shadow.append(button);
  document.body.append(host);
}

/* ---- Telling what happens ---- */

/** Tells of an outcome: the page by an event, and the service as far as the choice allows. */
function report(tracker, what, reason) {
  emit("outcome", { tracker, outcome: what, reason });
  outcome(tracker, what, reason);
}

const noted = new Set();

/** Tells whose an address is: a tracker, "unknown", or nothing where it is the site's own, or nowhere. */
function whose(address) {
  if (!/^(https?|wss?):/.test(address)) return "";
  const url = new URL(address);
  const { trackers, gate } = SETTINGS;
  if ([location.host, base.host, ...gate.hosts].some((host) => fits(host, url))) return "";
  return Object.keys(trackers).find((tracker) => serves(tracker, url)) || "unknown";
}

/** Notes an address that was reached, or that a policy kept from being reached, once for each tracker. */
function seen(address, outcome) {
  const id = whose(address);
  if (!id || lent.has(id)) return;
  const { allowed, reason } = decision(id);
  const what = outcome || (allowed ? "requested" : "slipped");
  if (noted.has(id + what + reason)) return;
  noted.add(id + what + reason);
  report(id, what, reason);
}

function violated({ blockedURI, effectiveDirective, disposition }) {
  if (disposition === "report") return;
  seen(blockedURI, "blocked");
  if (effectiveDirective === "frame-src") embeds();
}

/* ---- The other tabs ---- */

let channel;

function connect() {
  channel = new BroadcastChannel(`gatekeeper:${SETTINGS.site}`);
  channel.onmessage = () => {
    refresh();
    // The word of a choice may be faster than its cookie, which passes through another process.
    for (const wait of [200, 2000]) setTimeout(refresh, wait);
  };
}

function tellTabs() {
  if (channel) channel.postMessage(0);
}

/* ---- Beginning ---- */

let here; // whether somebody is: while a page is prerendered, nobody is, and what fires waits

/** Lets happen what may, each time that the page, the path or the choice has become another. */
function show() {
  if (!here) return;
  offer();
  if (document.querySelector("[data-gk-notice]")) guard.part("notice").catch(() => {});
  view();
  vouch();
  start();
}

/** Starts what may run of the tags that are there. */
function start() {
  if (!here) return;
  // Vendors that have to be told are told before anything runs.
  const untold = !guard.tell && Object.keys(SETTINGS.consents).some((id) => decision(id).allowed);
  if (untold) guard.part("vendors").then(scan, () => {});
  else scan();
}

/**
 * Clears, once the page has nothing else to do, what came back after a withdrawal: paths and tabs differ in what they
 * see.
 */
function clearLater() {
  const choice = guard.choice();
  const left = (id) => SETTINGS.trackers[id].keeps && !decision(id).allowed;
  // Who has refused all along has nothing to clear: that was done in the click.
  if (choice && choice.state !== "refused" && Object.keys(SETTINGS.trackers).some(left))
    (window.requestIdleCallback || setTimeout)(sweep);
}

/** Asks, unless another consent tool has heard a refusal before. */
function askOnce() {
  const ask = () => guard.open(true);
  guard.part("markup").then(() => guard.importRefusal() || ask(), ask);
}

/** Tells those who agreed of a new notice that asks them nothing: in one line, for a month, until it is closed. */
function tellNews() {
  const { notice, news } = SETTINGS;
  const choice = guard.choice();
  const recent = Date.now() - Date.parse(news) < 30 * DAY * 1000;
  if (!recent || choice?.state !== "granted" || choice.notice === notice || guard.due()) return;
  try {
    const kept = guard.behind.get(sessionStorage);
    if (kept.gk_news) return;
    guard.missed.news = () => (kept.gk_news = 1);
  } catch {
    return; // Where it cannot be closed for good it is not said.
  }
  guard.open("news");
}

/** Runs once somebody is there. */
function begin() {
  here = true;
  connect();
  refresh();
  show();
  if (guard.earlier && guard.due()) askOnce();
  inform(2000);
  tellNews();
  clearLater();
  check();
  if (document.readyState !== "complete") for (const look of [check, vouch]) addEventListener("load", look);
}

Object.assign(guard, { base, emit, event, asked, choose, trackerOf, serves, reachable, lent, foreign, fits, whose });
protect(window);
stand();
giveBack();
guard.violations.forEach(violated);
document.addEventListener("securitypolicyviolation", violated);
new PerformanceObserver((list) => {
  for (const { name } of list.getEntries()) seen(name);
}).observe({ type: "resource", buffered: true });
new MutationObserver((records) => {
  quell();
  const tags = `${HELD},${FOREIGN}`;
  const marked = (node) => node.matches && (node.matches(tags) || node.querySelector(tags));
  // While the page is read, one look at it costs less than one at each of its nodes.
  if (document.readyState === "loading" || records.some(({ addedNodes }) => [...addedNodes].some(marked))) start();
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
  // An open channel would keep the page out of the back/forward cache.
  if (channel) channel.close();
  channel = null;
});
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  here = true;
  connect();
  refresh();
  show();
});
document.addEventListener("visibilitychange", () => document.hidden || refresh());
// The answer to a grant that was given on the page before may come only now. Of an answer that was given here, a late
// cookie does not decide.
window.cookieStore?.addEventListener("change", ({ changed }) => {
  if (here && !turn && changed.some(({ name }) => name === SETTINGS.cookie)) refresh();
});
document.addEventListener("click", (event) => {
  if (!event.target.closest || !event.target.closest("[data-gk-open]")) return;
  event.preventDefault();
  guard.open();
});
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
else ready();

// What few pages need. Without it all else goes on, and nothing more is let through.
if (guard.learning) guard.part("learn").catch(() => {});
if (SETTINGS.gate.strict && base.origin === location.origin) guard.part("out").catch(() => {});

function ready() {
  guard.missed.ready = {};
  show();
  emit("ready");
}

if (document.prerendering) document.addEventListener("prerenderingchange", begin, { once: true });
else begin();
