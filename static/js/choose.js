// Choosing: refuses at once, grants by the server's leave, tells it of refusals, and clears what was withdrawn. Of the
// part "page", where `guard` is the inside of the guard, which no other script can get.

const { SETTINGS, decision } = guard;
const { allows } = gatekeeper;
const base = new URL(".", guard.script.src);
const { gate, ...settings } = TEXTS.settings; // what this part needs beside the guard's own
Object.assign(SETTINGS, settings);
Object.assign(SETTINGS.gate, gate);
const { fetch, navigation } = window;
const { replaceState } = history;
const { open: openDatabase } = IDBFactory.prototype;
const { transaction } = IDBDatabase.prototype;
const DAY = 86400; // seconds
const DEPTH = 8; // how deep a cookie's path is looked for
const PATIENCE = 3000; // milliseconds that another tab has to let go of a database

// A host that shares neither origin nor domain with the page: no cookie of its own could reach it.
const foreign =
  base.origin !== location.origin &&
  !(SETTINGS.domain && [base, location].every(({ hostname }) => `.${hostname}`.endsWith(`.${SETTINGS.domain}`)));
let turn = 0; // counts the visitor's answers: a grant on its way gives way to a later refusal

function emit(name, detail) {
  document.dispatchEvent(new CustomEvent(`gatekeeper:${name}`, { detail }));
}

/** What the current notice asks about. */
function asked() {
  return SETTINGS.notices[SETTINGS.notice] || { purposes: [], trackers: [] };
}

/** Records a choice. A refusal holds when this returns; a grant once the server and the cookie have it. */
async function choose(wish, trusted) {
  const mine = ++turn;
  const { granted = [], trackers = {} } = wish;
  const yes = granted.length || Object.values(trackers).includes(true);
  return yes ? grant(wish, trusted, mine) : refuse(wish);
}

/** Refuses everything in this very moment; the server is told as soon as it can be reached. */
function refuse(wish) {
  const before = guard.choice();
  const next = {
    ...named(),
    state: before && before.state !== "refused" ? "withdrawn" : "refused",
    purposes: [],
    trackers: [],
    override: [],
    age_band: youngest(wish),
    pending: !foreign,
    objects: wish.objects ?? !!before?.objects,
  };
  keep(next);
  const answer = take(next);
  inform(2000);
  // Not at once: where the page is left meanwhile, Chromium keeps the site's own registrations waiting.
  setTimeout(renewWorkers, 2000);
  return guard.stored() ? answer : lost(next.state);
}

/** Grants, once the server has committed it and the cookie is there. `trusted`: in the visitor's own click. */
async function grant(wish, trusted, mine) {
  const { purposes, trackers } = asked();
  const { granted = [], trackers: answers = {}, override = [] } = wish;
  const yes = purposes.filter((id) => granted.includes(id));
  const differs = (id) => Object.hasOwn(answers, id) && answers[id] !== yes.includes(SETTINGS.trackers[id].purpose);
  const next = {
    ...named(),
    state: "granted",
    purposes: yes,
    trackers: trackers.filter(differs),
    override: yes.filter((id) => override.includes(id)),
    age_band: youngest(wish),
    objects: wish.objects ?? !!guard.choice()?.objects,
  };
  if (!yes.length && !next.trackers.length) return refuse(wish);
  if (!trusted) throw Error("gatekeeper: only a visitor's own click grants");
  if (foreign) {
    keep(next);
    return arrived();
  }
  const body = {
    granted: yes,
    refused: purposes.filter((id) => !yes.includes(id)),
    trackers: answers,
    override: next.override,
    notice: next.notice,
    language: wish.language,
    method: wish.method,
    age_band: next.age_band,
    objects: next.objects,
  };
  const { status, ...answer } = await post(body, mine);
  if (status === 409) return askAgain(answer.settings);
  if (status !== 200) throw Error(answer.error);
  return arrived(answer);
}

/** What every choice begins with. */
function named() {
  const day = new Date().toISOString().slice(0, 10).replace(/-/g, "");
  return { site: SETTINGS.site, notice: SETTINGS.notice, day };
}

function youngest({ age_band }) {
  const ages = [age_band, guard.choice()?.age_band].filter((age) => age != null);
  return ages.length ? Math.min(...ages) : null;
}

function keep(next) {
  const life = `; Max-Age=${SETTINGS.days * DAY}${SETTINGS.attributes}`;
  guard.write(`${SETTINGS.cookie}=${writeChoice(next, SETTINGS)}${life}`);
}

/** A grant counts once the cookie is there. */
function arrived(answer) {
  const kept = guard.stored();
  if (!kept) return lost("none");
  guard.become(kept);
  // In a page that is about to be left nothing starts: it would start twice.
  here = !(SETTINGS.gate.reload && beyond() && mayReload());
  const told = take(kept, answer);
  if (!here) reload();
  return told;
}

/** Asks again, about a notice that was published after this page was opened. */
function askAgain(settings) {
  Object.assign(SETTINGS, settings);
  guard.open(true);
  return { state: "stale" };
}

/** Where cookies are blocked nothing is granted, and a tab asks no more than once. */
function lost(state) {
  try {
    guard.behind.get(sessionStorage).gk_asked = 1;
  } catch {
    // The banner noted it in the window's name.
  }
  return { state, kept: false };
}

/** Makes a choice the one that counts in this page. */
function take(next, answer) {
  guard.become(next);
  if (guard.tell) guard.tell(turn);
  const state = next ? next.state : "none";
  const purposes = asked().purposes.filter(allows);
  emit("choice", { state, purposes });
  try {
    (window.dataLayer ||= []).push({ event: "gatekeeper_choice", purposes });
  } catch {
    // The page's own affair: its data layer takes nothing.
  }
  tellTabs();
  hangUp();
  sweep();
  show();
  // One that ran under the last choice may be denied by this one.
  if (document.querySelector(EMBED)) embeds();
  return { ...answer, state, purposes, until: next && lasts(next), kept: true };
}

/** The day until which a choice holds. */
function lasts({ day }) {
  const from = Date.parse(day.replace(/(....)(..)(..)/, "$1-$2-$3"));
  return new Date(from + SETTINGS.days * DAY * 1000).toISOString().slice(0, 10);
}

/** Reads the cookie again: another tab, or the server, may have written it. */
function refresh() {
  const [next, choice] = [guard.stored(), guard.choice()];
  const said = (one) => JSON.stringify({ ...one, pending: false });
  if (!next !== !choice || said(next) !== said(choice)) take(next);
  else guard.become(next); // only the server has heard of it meanwhile
}

/* ---- Telling the server ---- */

/** Tells the server of a refusal or withdrawal, until it has heard. */
async function inform(wait) {
  const mine = guard.choice();
  if (!mine || !mine.pending) return;
  const { notice, age_band, objects } = mine;
  const { status } = await post({ notice, age_band, objects }, turn).catch(() => ({}));
  if (guard.choice() !== mine) return;
  if (status === 200) guard.become(guard.stored() || mine);
  else setTimeout(inform, wait, Math.min(wait * 2, 60000));
}

function superseded() {
  return Error("gatekeeper: another answer came after this one");
}

/** Posts an answer. One that is no longer the visitor's last is given up. */
async function post(body, mine) {
  const stop = new AbortController();
  const watch = setInterval(() => turn === mine || stop.abort(), 50);
  setTimeout(() => stop.abort(), 10000);
  try {
    const answer = await fetch(`${base}choice`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json" },
      credentials: "include",
      referrerPolicy: "no-referrer",
      keepalive: true,
      signal: stop.signal,
    });
    const told = await answer.json().catch(() => ({}));
    if (turn !== mine) throw superseded();
    return { ...told, status: answer.status };
  } finally {
    clearInterval(watch);
  }
}

/* ---- Clearing what denied trackers keep ---- */

/** Clears what denied trackers keep in this browser, and tells of what could not be cleared. */
async function sweep() {
  const survivors = await clear();
  if (!survivors.length) return;
  emit("survivors", survivors);
  for (const id of new Set(survivors.flatMap(guard.owners))) report(id, "slipped", decision(id).reason);
}

/** Removes it, and returns the names of what is there still. What needs no waiting is gone when this returns. */
async function clear() {
  const denied = (name) => guard.owners(name).length > 0 && !guard.mayKeep(name);
  const loans = storages();
  for (const name of cookieNames().filter(denied)) expire(name);
  for (const loan of loans) for (const name of Object.keys(loan).filter(denied)) loan.removeItem(name);
  await Promise.all((await databases()).filter(denied).map(drop));
  await Promise.all((await cached()).filter(denied).map((name) => caches.delete(name)));
  const left = [...cookieNames(), ...loans.flatMap(Object.keys), ...(await databases()), ...(await cached())];
  return [...new Set(left.filter(denied))];
}

function cookieNames() {
  return document.cookie.split("; ").map((pair) => pair.split("=")[0]);
}

/** The storages that the browser lends. */
function storages() {
  return ["localStorage", "sessionStorage"].flatMap((name) => {
    try {
      return [window[name]];
    } catch {
      return [];
    }
  });
}

async function databases() {
  try {
    return (await indexedDB.databases()).map(({ name }) => name);
  } catch {
    return []; // The browser has none here, or does not tell.
  }
}

async function cached() {
  try {
    return await caches.keys();
  } catch {
    return [];
  }
}

/** Deletes a database; resolves also where a connection that stays open keeps it from going. */
function drop(name) {
  return new Promise((done) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = request.onerror = done;
    request.onblocked = () => setTimeout(done, PATIENCE);
  });
}

const watched = new WeakSet();

/** Has a connection closed when its database may no longer be kept: else it would hold up the deletion, in every tab. */
function watch(database) {
  if (watched.has(database)) return;
  watched.add(database);
  database.addEventListener("versionchange", () => {
    refresh(); // the word of another tab may not have come yet
    if (!guard.mayKeep(database.name)) database.close();
  });
}

IDBFactory.prototype.open = function (...args) {
  const request = apply(openDatabase, this, args);
  request.addEventListener("success", () => watch(request.result));
  return request;
};
// Of one that was opened before this part came, its use tells.
IDBDatabase.prototype.transaction = function (...args) {
  watch(this);
  if (!guard.mayKeep(this.name)) this.close();
  return apply(transaction, this, args);
};

/** Expires a cookie for every domain and path that this page could have set it for. */
function expire(name) {
  const labels = location.hostname.split(".");
  const domains = ["", ...labels.map((_, index) => `;Domain=${labels.slice(index).join(".")}`)];
  const steps = location.pathname.split("/").slice(0, DEPTH);
  const paths = steps.flatMap((_, index) => {
    const path = steps.slice(0, index + 1).join("/");
    return [`${path}/`, path || "/"];
  });
  // Names with a prefix go only by a secure cookie, partitioned ones only by a partitioned one.
  for (const kind of location.protocol === "https:" ? [";Secure", ";Secure;Partitioned"] : [""])
    for (const path of new Set(paths)) {
      for (const domain of domains) guard.write(`${name}=;Max-Age=0;Path=${path}${domain}${kind}`);
      if (!cookieNames().includes(name)) return;
    }
}

// A policy that comes later leaves a line alone that is open already.
const lines = [];
for (const name of ["WebSocket", "EventSource"]) {
  const construct = (real, args, target) => {
    const line = Reflect.construct(real, args, target);
    lines.push(new WeakRef(line));
    return line;
  };
  window[name] = new Proxy(window[name], { construct });
}

/** Closes the lines to trackers that are denied. */
function hangUp() {
  for (const line of lines.map((each) => each.deref()).filter(Boolean)) {
    const id = whose(line.url);
    if (Object.hasOwn(SETTINGS.trackers, id) && !lent.has(id) && !decision(id).allowed) line.close();
  }
}

/** Has the site's service workers fetched again: one whose script has changed comes under the policy of today. */
async function renewWorkers() {
  const found = (await navigator.serviceWorker?.getRegistrations().catch(() => [])) || [];
  for (const registration of found) registration.update().catch(() => {});
}

/* ---- Loading the page again ---- */

/** Tells whether something granted lies beyond this document's policies. */
function beyond() {
  return Object.keys(SETTINGS.trackers).some((id) => decision(id).allowed && !reachable(id));
}

/**
 * Loads the page again. Chromium then says that the page came from itself, so what it came from is left with the entry
 * in the tab's history, where this part finds it; and sends again what a form sent, unless the entry is written anew.
 */
function reload() {
  const state = navigation?.currentEntry?.getState();
  apply(replaceState, history, [history.state, ""]);
  if (navigation?.currentEntry) navigation.updateCurrentEntry({ state: { gk_referrer: document.referrer, state } });
  location.reload();
}

// It holds for this page, before anything that was held runs, and is not kept.
const left = navigation?.currentEntry?.getState();
if (left?.gk_referrer != null) {
  Reflect.defineProperty(document, "referrer", { value: left.gk_referrer });
  navigation.updateCurrentEntry({ state: left.state ?? null });
}

let typed = false; // also where nobody can look: in closed shadow trees
addEventListener("input", ({ target }) => (typed ||= !ofBanner(target)), true);

function ofBanner(node) {
  return !!node.closest?.(".gk");
}

/** Tells whether loading the page again loses nothing and sends nothing twice. In doubt, it does not. */
function mayReload() {
  if (typed || guard.listed(SETTINGS.gate.no_reload) || filled(document)) return false;
  const [entry] = performance.getEntriesByType("navigation");
  const method = entry?.serverTiming?.find(({ name }) => name === "gk")?.description;
  const outside = !document.referrer || new URL(document.referrer).origin !== location.origin;
  return method ? method === "GET" : outside;
}

/** Tells whether anything was filled in: in a document, its frames, and its open shadow trees. */
function filled(root) {
  return [...root.querySelectorAll("*")].some((node) => {
    const within = node.shadowRoot || node.contentDocument;
    return (edited(node) && !ofBanner(node)) || (within && filled(within));
  });
}

function edited(node) {
  const { localName, type, value, defaultValue, checked, defaultChecked } = node;
  if (node.isContentEditable) return node.textContent.trim() !== "";
  if (localName === "select") {
    const options = [...node.options];
    const begun = options.some(({ defaultSelected }) => defaultSelected); // else it begins with its first
    return options.some(({ selected, defaultSelected }, index) => selected && !defaultSelected && (begun || index > 0));
  }
  if (localName !== "input" && localName !== "textarea") return false;
  if (type === "checkbox" || type === "radio") return checked !== defaultChecked;
  return type !== "hidden" && value !== defaultValue;
}
