// The life of a page: what happens in it, its other tabs, and the way back to the choice. The last of the part "page",
// which begins here; see choose.js.

/* ---- The way back ---- */

/** Adds the small button by which a visitor who chose finds back, unless the page has its own. */
function offer() {
  if (!guard.choice() || document.readyState === "loading" || document.querySelector("[data-gk-open]")) return;
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
  button.textContent = TEXTS.back;
  document.body.append(button);
}

/* ---- Telling what happens ---- */

/** What may be sent of this page now; in the end an empty string, and then nothing is. */
function mayTell() {
  if (foreign) return "";
  if (decision("visit").allowed) return "events";
  if (Object.keys(SETTINGS.trackers).some((id) => decision(id).reason === "granted")) return "totals";
  return SETTINGS.anonymous && !guard.choice()?.objects ? "anonymous" : "";
}

/** Tells of an outcome: the page by an event, and the service as far as the choice allows. */
function report(tracker, outcome, reason) {
  emit("outcome", { tracker, outcome, reason });
  telling(() => guard.outcome(tracker, outcome, reason));
}

/** Does something with the part that tells the service, which is loaded only where anything may be told. */
function telling(what) {
  if (mayTell()) guard.part("report").then(what, () => {});
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

function violated({ blockedURI, effectiveDirective }) {
  seen(blockedURI, "blocked");
  if (effectiveDirective === "frame-src") embeds();
}

/* ---- The other tabs ---- */

let channel;

function connect() {
  channel = new BroadcastChannel(`gatekeeper:${SETTINGS.site}`);
  channel.onmessage = () => {
    // The word of a choice may be faster than its cookie, which passes through another process.
    for (const wait of [0, 200, 2000]) setTimeout(refresh, wait);
  };
}

function tellTabs() {
  if (channel) channel.postMessage(0);
}

/* ---- Beginning ---- */

let here; // whether somebody is: while a page is prerendered, nobody is, and what fires waits

function show() {
  if (!here) return;
  scan();
  offer();
  telling(() => guard.view());
}

/** Runs once somebody is there, and the vendors that have to be told first have been. */
async function begin() {
  here = true;
  connect();
  refresh();
  show();
  const choice = guard.choice();
  if (choice && choice.pending) settle();
}

Object.assign(guard, { choose, trackerOf, reachable, lent, mayTell, foreign });
protect(window);
giveBack();
guard.violations.forEach(violated);
document.addEventListener("securitypolicyviolation", violated);
new PerformanceObserver((list) => {
  for (const { name } of list.getEntries()) seen(name);
}).observe({ type: "resource", buffered: true });
new MutationObserver((records) => {
  quell();
  const marked = (node) => node.matches && (node.matches(HELD) || node.querySelector(HELD));
  // While the page is read, one look at it costs less than one at each of its nodes.
  if (document.readyState === "loading" || records.some(({ addedNodes }) => [...addedNodes].some(marked))) here && scan();
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
  connect();
  refresh();
  show();
});
document.addEventListener("visibilitychange", () => document.hidden || refresh());
document.addEventListener("click", (event) => {
  if (!event.target.closest || !event.target.closest("[data-gk-open]")) return;
  event.preventDefault();
  guard.open();
});
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready);
else ready();

function ready() {
  guard.ready = true;
  show();
  emit("ready");
}

const told = Object.keys(SETTINGS.consents).length && !guard.tell ? guard.part("vendors") : Promise.resolve();
told.then(() => {
  if (document.prerendering) document.addEventListener("prerenderingchange", begin, { once: true });
  else begin();
});
