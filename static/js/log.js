// What there is to log of a visit: page views and how long they last, what the site itself names, the way out. Of the part
// "page"; see choose.js. Of a page's query nothing is looked at but the site's own search and the campaign, and each is
// sent only with its purpose; see report.js.

const MAX_WORDS = 400; // more is never kept
const EVENT = /^[a-z][a-z0-9_-]{0,63}$/;
/** What an event of the site's own may have, and the rule for each. */
const DETAILS = {
  value: [(value) => Number.isFinite(value) && Math.abs(value) <= 1e9, "a number"],
  currency: [(code) => /^[A-Z]{3}$/.test(code), 'three capital letters, such as "EUR"'],
  order: [(id) => /string|number/.test(typeof id) && /^[!-~]{1,64}$/.test(id), "the order's number, in at most 64 plain characters without spaces"],
};

let path; // of the page that was last viewed
let since; // when it was last brought in front of somebody; not a number while it is not there
let landed; // whether the campaign that led here was told
let vouched; // the page of which it was last told that it has loaded, and under which choice

/** Logs the view of a page, once until its path or the search changes. */
function view() {
  const search = searched();
  const page = `${location.pathname}?${search}`;
  const { purpose } = SETTINGS.trackers.visit;
  if (page === viewed || !mayLog(purpose)) return;
  // The host it came from is all that is told of it.
  const referrer = viewed || !document.referrer ? "" : new URL("/", document.referrer).href;
  stay();
  viewed = page;
  path = location.pathname;
  since = document.hidden ? NaN : performance.now();
  log(purpose, { kind: "view", referrer, search, ...campaign() });
}

/**
 * Tells, once for each view, that the page has loaded with the guard in it: of a page of which that is not told, nobody
 * knows what became of all its tags. Of those who agree to nothing it is told that the visit log was held back, which
 * the notice says is counted.
 */
function vouch() {
  const may = mayTell();
  const page = `${may} ${location.pathname}?${searched()}`;
  if (!here || !may || document.readyState !== "complete" || page === vouched) return;
  vouched = page;
  if (may === "anonymous") outcome("visit", "blocked", decision("visit").reason);
  else outcome("gatekeeper", "loaded", "granted");
}

/** What was searched for here, where the site says how that is found. */
function searched() {
  const { search } = SETTINGS.log;
  if (!search || !guard.listed(search.paths)) return "";
  const query = new URLSearchParams(location.search);
  return cut(search.parameters.map((name) => query.get(name)).find(Boolean) || "");
}

/** Cuts a text, never within a letter. */
function cut(words) {
  return [...words].slice(0, MAX_WORDS).join("");
}

/** The campaign whose link led to this document. The page may have changed its address meanwhile. */
function campaign() {
  if (landed) return {};
  landed = true;
  const [entry] = performance.getEntriesByType("navigation");
  const query = new URL(entry?.name || location.href).searchParams;
  return Object.fromEntries(["source", "medium", "campaign"].map((name) => [name, cut(query.get(`utm_${name}`) || "")]));
}

/** Logs how long the page was in front of somebody since that was last told. */
function stay() {
  const seconds = Math.round((performance.now() - since) / 1000);
  since = document.hidden ? NaN : performance.now();
  if (viewed && seconds > 0)
    log(SETTINGS.trackers.visit.purpose, { kind: "stay", path, seconds: Math.min(seconds, DAY) });
}

/** Logs what the site itself names: gatekeeper.event("purchase", { value: 19.9, currency: "EUR", order: "A-17" }). */
function event(name, details) {
  if (document.prerendering) {
    document.addEventListener("prerenderingchange", () => event(name, details), { once: true });
    return;
  }
  const told = { ...details };
  const wrong = mistake(name, told);
  if (wrong) return console.error(`gatekeeper: event ${JSON.stringify(name)} is not logged: ${wrong}`);
  if ("order" in told) told.order = `${told.order}`;
  const { events } = SETTINGS.log;
  const purpose = Object.hasOwn(events, name) ? events[name] : SETTINGS.trackers.visit.purpose;
  log(purpose, { ...told, kind: "event", event: name });
}

/** Says what is wrong with an event, an empty text where nothing is. */
function mistake(name, details) {
  if (typeof name !== "string" || !EVENT.test(name)) return "a name has up to 64 small letters, digits, _ and -, and begins with a letter";
  const rule = (key) => (Object.hasOwn(DETAILS, key) ? DETAILS[key] : [() => false, `left out: only ${Object.keys(DETAILS)} are kept`]);
  const wrong = Object.keys(details).find((key) => !rule(key)[0](details[key]));
  return wrong ? `${wrong} must be ${rule(wrong)[1]}` : "";
}

/** Logs that a visitor leaves for another site: its host, and nothing else. */
function leave({ isTrusted, button, target }) {
  const link = isTrusted && button < 2 && target.closest?.("a[href]");
  if (link && whose(`${link.href}`)) log(SETTINGS.log.asks.target, { kind: "out", target: link.hostname });
}

for (const kind of ["click", "auxclick"]) addEventListener(kind, leave, true);
