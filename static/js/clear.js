// Clearing what denied trackers keep in the browser, and hanging up on them. Of the part "page"; see choose.js.

const { open: openDatabase } = IDBFactory.prototype;
const { transaction } = IDBDatabase.prototype;
const DEPTH = 8; // how deep a cookie's path is looked for
const PATIENCE = 3000; // milliseconds that another tab has to let go of a database

/** Clears what denied trackers keep in this browser, and tells of what could not be cleared. */
async function sweep() {
  const survivors = await clear();
  if (!survivors.length) return;
  const said = TEXTS.survivors.replace("{names}", () => survivors.join(TEXTS.between));
  emit("survivors", { names: survivors, lines: [said, TEXTS.survivors_help] });
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
