// The self-test: whether the guard was the first to run in this page, came in time, and still stands. What it finds is an
// outcome of the tracker "gatekeeper", told like any other. Of the part "page"; see choose.js. gatekeeper/doctor/page.py
// looks for the same from outside, and says it in the same words.

const RUNS = /^(|module|.*(java|ecma)script)$/i; // types of scripts that do
const FIRST = "make the guard's script tag the first in <head>";
let listed = new Map(); // what the browser has fetched, by address

/** What each fault looks like: what was found and how to mend it, nothing where all is well. */
const FAULTS = {
  not_first() {
    const { length } = [...document.scripts].filter(stoodBefore);
    return length && [`${length} script${length > 1 ? "s" : ""} before the guard's`, FIRST];
  },
  late() {
    const { script } = guard;
    const had = ["async", "defer"].filter((name) => script.hasAttribute(name)).join(", ");
    const own = listed.get(script.src);
    const outside = script.isConnected && !document.head.contains(script);
    if (outside) return ["the guard's script tag stands outside <head>", FIRST];
    if (had) return [`the guard's script tag has ${had}`, `remove ${had}`];
    if (script.async || own?.renderBlockingStatus === "non-blocking")
      return ["the guard's script tag was added by a script", "write it into the page's own HTML, first in <head>"];
    const denied = (id) => id && !decision(id).allowed;
    const asked = [...listed.values()].find(({ name, startTime }) => startTime < own?.startTime && denied(whose(name)));
    return asked && [`${new URL(asked.name).host} was asked before the guard`, FIRST];
  },
  async overridden() {
    const names = await replaced();
    return names.length && [`another script has replaced ${names.join(", ")}`, "keep that script from it, or from the page"];
  },
};

/** Tells whether a script stands before the guard's, and did when that ran. */
function stoodBefore(one) {
  const { script } = guard;
  if (!(one.compareDocumentPosition(script) & Node.DOCUMENT_POSITION_FOLLOWING) || !script.isConnected) return false;
  if (!RUNS.test(one.type)) return false;
  if (one.src) return listed.get(one.src)?.startTime <= listed.get(script.src)?.responseEnd;
  // A script that was put there by another may have come later, and says so; the other one is found itself.
  return !one.async;
}

/** What other scripts can replace of what the guard put in place. `window.gatekeeper` they cannot. */
function standing() {
  // A first look at a storage waits for another process: its getter tells enough.
  const [localStorage, sessionStorage] = ["localStorage", "sessionStorage"].map((name) => property(window, name)?.get);
  const [{ setItem }, { open }] = [Storage.prototype, IDBFactory.prototype];
  return { localStorage, sessionStorage, setItem, "indexedDB.open": open, fetch: window.fetch };
}

let stood; // as it was when the locks were in place

function stand() {
  stood = standing();
}

/** Names what has been replaced. */
async function replaced() {
  const now = standing();
  const names = Object.keys(now).filter((name) => now[name] !== stood[name]);
  // Many a tool stands in for fetch and hands on what it is asked: then the lock still answers, and before the network.
  const lost = names.includes("fetch") && (await locked()) ? names.filter((name) => name !== "fetch") : names;
  if ([document, HTMLDocument.prototype].some((owner) => property(owner, "cookie"))) lost.push("document.cookie");
  // Before this part had come: the guard lends both storages in one way, and no browser's own.
  const { localStorage, sessionStorage } = stood;
  if (`${localStorage}` !== `${sessionStorage}` || /native code/.test(localStorage)) lost.push("a storage");
  return lost;
}

/** Tells whether fetch still refuses to choose. Where it does not, the request ends before it begins. */
async function locked() {
  try {
    await window.fetch(`${base}choice`, { signal: AbortSignal.abort() });
  } catch (error) {
    return error?.name === "SecurityError";
  }
}

/** Looks, and tells of each fault once. */
async function check() {
  for (const [reason, look] of Object.entries(FAULTS)) {
    try {
      listed = new Map(performance.getEntriesByType("resource").map((entry) => [entry.name, entry]));
      const found = await look();
      if (found) fault(reason, ...found);
    } catch {
      // A page that is so strange that this cannot be seen.
    }
  }
}

function fault(reason, found, fix) {
  if (noted.has(reason)) return;
  noted.add(reason);
  console.warn(`gatekeeper: ${reason}: ${found}; ${fix}`);
  report("gatekeeper", "failed", reason);
}
