// Choosing: refuses at once, grants by the server's leave, tells it of refusals, and clears what was withdrawn. Of the
// part "page", where `guard` is the inside of the guard, which no other script can get.

const { SETTINGS, base, emit, decision, asked } = guard;
const { gate, ...settings } = TEXTS.settings; // what this part needs beside the guard's own
Object.assign(SETTINGS, settings);
Object.assign(SETTINGS.gate, gate);
const { fetch } = window;
const DAY = 86400; // seconds
const DEPTH = 8; // how deep a cookie's path is looked for

// A host that shares neither origin nor domain with the page: no cookie of its own could reach it.
const foreign =
  base.origin !== location.origin &&
  !(SETTINGS.domain && [base, location].every(({ hostname }) => `.${hostname}`.endsWith(`.${SETTINGS.domain}`)));
let turn = 0; // counts the visitor's answers: a grant on its way gives way to a later refusal

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
  settle();
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
  const told = take(kept, answer);
  if (SETTINGS.gate.reload && beyond() && mayReload()) location.reload();
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
    // The guard noted it in the window's name.
  }
  return { state, kept: false };
}

/** Makes a choice the one that counts in this page. */
function take(next, answer) {
  guard.become(next);
  if (guard.tell) guard.tell(turn);
  const state = next ? next.state : "none";
  const purposes = asked().purposes.filter(guard.allows);
  emit("choice", { state, purposes });
  try {
    (window.dataLayer ||= []).push({ event: "gatekeeper_choice", purposes });
  } catch {
    // The page's own affair: its data layer takes nothing.
  }
  tellTabs();
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

/** Has the server told of a refusal, and clears what denied trackers keep. */
async function settle() {
  inform(2000);
  const survivors = await clear();
  if (survivors.length) emit("survivors", survivors);
}

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

/** Removes what denied trackers keep in this browser, and tells what could not be removed. */
async function clear() {
  const denied = (name) => guard.owners(name).length > 0 && !guard.mayKeep(name);
  for (const name of cookieNames().filter(denied)) expire(name);
  for (const loan of storages()) for (const name of Object.keys(loan).filter(denied)) loan.removeItem(name);
  const databases = ((await indexedDB.databases?.().catch(() => [])) || []).map(({ name }) => name).filter(denied);
  for (const name of databases) indexedDB.deleteDatabase(name);
  const caching = window.caches ? (await caches.keys().catch(() => [])).filter(denied) : [];
  await Promise.all(caching.map((name) => caches.delete(name)));
  return cookieNames().filter(denied);
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

/** Expires a cookie for every domain and path that this page could have set it for. */
function expire(name) {
  const labels = location.hostname.split(".");
  const domains = labels.map((_, index) => `;Domain=${labels.slice(index).join(".")}`);
  const steps = location.pathname.split("/").slice(0, DEPTH);
  const paths = steps.flatMap((_, index) => {
    const path = steps.slice(0, index + 1).join("/");
    return [`${path}/`, path || "/"];
  });
  for (const domain of ["", ...domains])
    for (const path of new Set(paths)) guard.write(`${name}=;Max-Age=0;Path=${path}${domain}`);
}

/* ---- Loading the page again ---- */

/** Tells whether something granted lies beyond this document's policies. */
function beyond() {
  return Object.keys(SETTINGS.trackers).some((id) => decision(id).allowed && !reachable(id));
}

/** Tells whether loading the page again loses nothing and sends nothing twice. In doubt, it does not. */
function mayReload() {
  if (guard.listed(SETTINGS.gate.no_reload)) return false;
  const [navigation] = performance.getEntriesByType("navigation");
  const method = navigation?.serverTiming?.find(({ name }) => name === "gk")?.description;
  const outside = !document.referrer || new URL(document.referrer).origin !== location.origin;
  return (method ? method === "GET" : outside) && ![...document.querySelectorAll("input,textarea,option")].some(edited);
}

function edited({ localName, type, value, defaultValue, checked, defaultChecked, selected, defaultSelected }) {
  if (localName === "option") return selected !== defaultSelected && selected;
  if (type === "checkbox" || type === "radio") return checked !== defaultChecked;
  return type !== "hidden" && value !== defaultValue;
}
