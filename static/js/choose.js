// Choosing: refuses at once, grants by the server's leave, and tells it of refusals. Of the part "page", where `guard` is
// the inside of the guard, which no other script can get.

const { SETTINGS, decision } = guard;
const { allows } = gatekeeper;
const base = new URL(".", guard.script.src);
const { gate, ...settings } = TEXTS.settings; // what this part needs beside the guard's own
Object.assign(SETTINGS, settings);
Object.assign(SETTINGS.gate, gate);
const { fetch } = window;
const DAY = 86400; // seconds

// A host that shares neither origin nor domain with the page: no cookie of its own could reach it.
const foreign =
  base.origin !== location.origin &&
  !(SETTINGS.domain && [base, location].every(({ hostname }) => `.${hostname}`.endsWith(`.${SETTINGS.domain}`)));
let turn = 0; // counts the visitor's answers: a grant on its way gives way to a later refusal
let giveUp = () => {}; // gives up the post that is under way
let awaited; // the turn of the last grant that the server was asked to keep
let asking; // that grant, until its answer has come

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
  giveUp();
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
  awaited = mine;
  asking = body;
  const { status, ...answer } = await post(body, mine).finally(() => {
    if (awaited === mine) asking = null;
  });
  if (status === 409) return askAgain(answer.settings);
  // Where the law lets a visitor of this age not agree, the server has refused in their place.
  if (status !== 200 && status !== 403) throw Error(answer.error);
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
  const again = SETTINGS.gate.reload && beyond() && mayReload();
  here &&= !again;
  const told = take(kept, answer);
  if (again) reload();
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
  if (news()) take(guard.stored());
  else guard.become(guard.stored()); // only the server has heard of it meanwhile
}

/** Tells whether the cookie holds another choice than the one that is known here. */
function news() {
  const [next, choice] = [guard.stored(), guard.choice()];
  const said = (one) => JSON.stringify({ ...one, pending: false });
  return !next !== !choice || said(next) !== said(choice);
}

/* ---- Telling the server ---- */

/** Tells the server of a refusal or withdrawal, until it has heard. */
async function inform(wait) {
  const mine = guard.choice();
  if (!mine || !mine.pending) return;
  const { notice, age_band, objects } = mine;
  const { status, erase } = await post({ notice, age_band, objects }, turn).catch(() => ({}));
  if (guard.choice() !== mine) return;
  if (erase) emit("logged", () => forget(erase));
  if (status === 200) guard.become(guard.stored() || mine);
  else setTimeout(inform, wait, Math.min(wait * 2, 60000));
}

/** Has the server delete what was logged before a withdrawal: in a visitor's own click only. */
async function forget(ticket) {
  if (!guard.byVisitor()) throw Error("gatekeeper: only a visitor's own click deletes");
  const { ok, status } = await fetch(`${base}erase`, sent({ ticket }));
  if (!ok) throw Error(`gatekeeper: not deleted (${status})`);
}

function superseded() {
  return Error("gatekeeper: another answer came after this one");
}

/** Posts an answer. One that is no longer the visitor's last is given up. */
async function post(body, mine) {
  const stop = new AbortController();
  giveUp = () => stop.abort();
  setTimeout(giveUp, 10000);
  // A grant that is given up must not bring its cookies after those of a refusal: Chromium ends no request that may
  // outlive its page.
  const answer = await send(body, { keepalive: body !== asking, signal: stop.signal });
  const told = await answer.json().catch(() => ({}));
  if (turn !== mine) throw superseded();
  return { ...told, status: answer.status };
}

function send(body, how) {
  return fetch(`${base}choice`, { ...sent(body), ...how });
}

function sent(body) {
  return {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
    credentials: "include",
    referrerPolicy: "no-referrer",
  };
}

/** Asks once more, as the page is left, for a grant that was not answered: nobody can take it back here any more. */
function insist() {
  if (asking && awaited === turn && !news()) send(asking, { keepalive: true }).catch(() => {});
}

addEventListener("pagehide", insist);
