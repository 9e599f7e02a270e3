// Learn mode: tells the service which hosts this page uses, and which names it keeps, that nothing declares. A part of the
// guard, loaded in browsers of the site's own staff alone; `guard` is its inside. See docs/learn.md.

const { base } = guard;
const AT_ONCE = 100; // of each list: the service takes 300, and 64 KB
const MAX_PATH = 512;
const MAX_NAME = 128; // the service keeps no longer ones

/** How a page uses what it loads, by what asked for it (W3C Resource Timing, initiatorType). */
const USES = {
  ...{ script: "script", img: "image", image: "image", input: "image", iframe: "frame", frame: "frame" },
  ...{ xmlhttprequest: "connect", fetch: "connect", beacon: "connect", eventsource: "connect" },
  ...{ video: "media", audio: "media", track: "media" },
};
/** What style sheets and link elements ask for may be many things: the path has to tell. */
const ENDINGS = {
  font: /\.(woff2?|[ot]tf)$/i,
  style: /\.css$/i,
  script: /\.m?js$/i,
  image: /\.(avif|gif|ico|jpe?g|png|svg|webp)$/i,
};

const told = new Set(); // each once in a page
const seen = [];
const names = [];
let timer;

function useOf(asker, path) {
  return USES[asker] || Object.keys(ENDINGS).find((use) => ENDINGS[use].test(path)) || "other";
}

/** Notes a host that nothing declares. */
function meet(address, use) {
  if (guard.whose(address) !== "unknown") return;
  const { host, pathname } = new URL(address);
  const as = use || "other";
  if (first(`${as} ${host}`)) seen.push({ host, as, path: pathname.slice(0, MAX_PATH) });
}

/** Notes names that nothing declares. */
function find(kind, found) {
  for (const name of found) {
    const fits = name && name.length <= MAX_NAME && !guard.ours(name) && !guard.owners(name).length;
    if (fits && first(`${kind} ${name}`)) names.push({ name, kind });
  }
}

function first(note) {
  return !told.has(note) && told.add(note);
}

/** Looks at all that does not come by itself. */
async function look() {
  find("cookie", document.cookie.split("; ").map((pair) => pair.split("=")[0]));
  for (const [kind, name] of Object.entries({ local: "localStorage", session: "sessionStorage" })) {
    try {
      find(kind, Object.keys(window[name]));
    } catch {
      // The browser lends none.
    }
  }
  for (const form of document.querySelectorAll("form[action],[formaction]")) {
    const action = form.getAttribute("formaction") || form.getAttribute("action");
    if (URL.canParse(action, document.baseURI)) meet(new URL(action, document.baseURI).href, "form");
  }
  const databases = (await indexedDB.databases?.().catch(() => [])) || [];
  find("database", databases.map(({ name }) => name));
}

/** Sends what is new. */
async function tell() {
  clearTimeout(timer);
  const looked = look();
  if (!document.hidden) await looked; // a page on its way out waits for nothing
  while (seen.length || names.length) {
    const body = JSON.stringify({ seen: seen.splice(0, AT_ONCE), names: names.splice(0, AT_ONCE) });
    const post = { method: "POST", body, credentials: "include", keepalive: true };
    if (!navigator.sendBeacon(`${base}reports`, body)) fetch(`${base}reports`, post).catch(() => {});
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(tell, 1000);
}

/** Says on the page that nothing is held back in this browser, and where to stop it. */
function mark() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(
    "a.gk-learn{all:initial!important;position:fixed!important;inset:1rem 1rem auto auto!important;" +
      "z-index:2147483646!important;padding:.5rem .8rem!important;border:2px solid!important;" +
      "font:14px/1.4 system-ui!important;color:CanvasText!important;background:Canvas!important;cursor:pointer!important}" +
      "a.gk-learn:focus-visible{outline:3px solid!important}",
  );
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const link = document.createElement("a");
  link.className = "gk-learn";
  link.href = `${base}learn`;
  link.textContent = "Learn mode: nothing is held back. Stop";
  document.body.append(link);
}

new PerformanceObserver((list) => {
  for (const { name, initiatorType } of list.getEntries()) meet(name, useOf(initiatorType, name.split(/[?#]/)[0]));
  soon();
}).observe({ type: "resource", buffered: true });
addEventListener("load", soon);
addEventListener("pagehide", tell);
document.addEventListener("visibilitychange", () => document.hidden && tell());
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mark);
else mark();
soon();
