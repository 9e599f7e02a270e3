// The wall: the policy of this page, and checks on what no policy covers. Part of the guard; see visitor.js.

/* ---- The policy of this page ---- */

let reach; // the hosts that this document's policies let through; none where there is no policy

/**
 * The hosts that a page may reach: see gatekeeper/core/policy.py. Those of a marked tracker, too, as its tags are inert;
 * once one of them has run here, only while it is allowed.
 */
function hosts() {
  const { trackers, gate } = SETTINGS;
  const open = Object.keys(trackers).filter((id) => decision(id).allowed || (trackers[id].marked && !started.has(id)));
  return [base.host, ...gate.hosts, ...open.flatMap((id) => trackers[id].hosts)];
}

/** Puts the policy on the page, or one more that narrows it: a browser keeps to all it was given. */
function build() {
  const { gate } = SETTINGS;
  if (gate.off || listed(gate.tags_only)) return;
  const now = hosts();
  if (reach && reach.every((host) => now.includes(host))) return;
  reach = reach ? reach.filter((host) => now.includes(host)) : now;
  const sources = reach.map((host) => ` ${host} https://${host} wss://${host} ws://${host}`).join("");
  const meta = document.createElement("meta");
  meta.httpEquiv = "Content-Security-Policy";
  meta.content = gate.policy.map((directive) => directive + sources).join(";");
  document.head.prepend(meta);
}

/** Tells whether a text names a host beyond the policy; a host that cannot be read is one. */
function strays(text) {
  // JSON may write a slash as "\/", and addresses one as a backslash.
  return [...text.replace(/\\[\\/]/g, "/").matchAll(/\/\/([^/"\s?#]+)/g)].some(([, name]) => {
    try {
      const url = new URL(`http://${name}`);
      return ![location.host, ...reach].some((host) => fits(host, url));
    } catch {
      return true;
    }
  });
}

/** Tells whether the page's path is on a list; an entry that ends with * means all that begin so. */
function listed(patterns) {
  const { pathname: path } = location;
  return (patterns || []).some((pattern) => like(pattern, path));
}

/** Tells whether this document can start a tracker; otherwise the next one does. */
function reachable(id) {
  return !reach || SETTINGS.trackers[id].hosts.every((host) => reach.includes(host));
}

/* ---- What other scripts may not do ---- */

/** Tells whether an address is one of those by which a choice is made. */
function choosing(address) {
  try {
    const { host, pathname } = new URL(address, document.baseURI);
    const path = decodeURIComponent(pathname).replace(/\/+/g, "/");
    return host === base.host && path.startsWith(base.pathname) && /^(choices?|mine)\b/.test(path.slice(base.pathname.length));
  } catch {
    return false;
  }
}

/** Puts a check before a method: for what it finds, the answer is given instead. */
function forbid(owner, name, finds, answer) {
  const original = owner[name];
  owner[name] = function (...args) {
    return finds(args) ? answer() : apply(original, behind.get(this) || this, args);
  };
}

/** Replaces an argument by the string the browser would make of it, so that it cannot change its mind. */
function addressed(index) {
  return (args) => {
    try {
      return choosing(apply(requestUrl, args[index], []));
    } catch {
      return choosing((args[index] = `${args[index]}`));
    }
  };
}

/** Tells whether a cookie is one of ours, however its name is spaced or prefixed. */
function ours(cookie) {
  return /^[\s\0-\x1f=]*(__[\w-]+-)?gk_/i.test(cookie);
}

/** Tells whether a text is meant by a pattern: one that ends with * means all that begin so. */
function like(pattern, text) {
  return pattern.slice(-1) === "*" ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

/** The trackers that declare a name of a cookie, of a storage key, or of a database. */
function owners(name) {
  const { trackers } = SETTINGS;
  return Object.keys(trackers).filter((id) => (trackers[id].keeps || []).some((pattern) => like(pattern, name)));
}

/** Tells whether a name may be kept in the browser. What nobody declared may not, unless the site says otherwise. */
function mayKeep(name) {
  const declared = owners(name);
  return declared.length ? declared.some((id) => decision(id).allowed) : SETTINGS.gate.undeclared;
}

/** Says so where it may not. */
function keeps(name) {
  const may = mayKeep(name);
  if (!may) console.warn(`gatekeeper: "${name}" is not kept: no tracker that may fire declares it`);
  return may;
}

/** Tells whether the text of a cookie is meant to remove it, which anybody may. */
function removes(text) {
  const [age, expires] = ["max-age", "expires"].map((key) => text.match(RegExp(`;\\s*${key}\\s*=([^;]+)`, "i")));
  return age ? age[1] <= 0 : expires && Date.parse(expires[1]) < Date.now();
}

const loans = new WeakMap(); // storage -> what pages get in its place
const behind = new WeakMap(); // the reverse

/** Lends a storage out, so that what may not be kept is not. */
function lend(store) {
  const put = (_, name, text) => {
    if (typeof name === "symbol" || keeps(name)) store[name] = text;
    return true;
  };
  const loan = new Proxy(store, { set: put, defineProperty: (_, name, { value }) => put(store, name, value) });
  loans.set(store, loan);
  behind.set(loan, store);
  return loan;
}

/** Lends a window's storages out; whatever takes a storage takes what is lent. */
function lendAll(win, unkept) {
  const { Storage, StorageEvent } = win;
  for (const name of ["localStorage", "sessionStorage"]) {
    try {
      Object.defineProperty(win, name, { value: lend(win[name]) });
    } catch {
      // The browser lends none: there is nothing to guard.
    }
  }
  for (const name of ["key", "getItem", "removeItem", "clear"]) forbid(Storage.prototype, name, () => false);
  forbid(Storage.prototype, "setItem", (args) => args.length > 1 && unkept(args), () => {});
  translate(Storage.prototype, "length", (get, store) => apply(get, behind.get(store) || store, []));
  translate(StorageEvent.prototype, "storageArea", (get, event) => {
    const store = apply(get, event, []);
    return loans.get(store) || store;
  });
  win.StorageEvent = new Proxy(StorageEvent, {
    construct: (real, [type, init], target) => {
      const storageArea = init && (behind.get(init.storageArea) || init.storageArea);
      return Reflect.construct(real, [type, init && { ...init, storageArea }], target);
    },
  });
}

/** Puts another getter before a property's own. */
function translate(owner, name, answer) {
  const { get } = property(owner, name);
  Object.defineProperty(owner, name, {
    get() {
      return answer(get, this);
    },
  });
}

const guarded = new WeakSet();

/** Puts the checks into a window, and into the same-origin frames that are reached through it. */
function protect(win) {
  const { Document, XMLHttpRequest, Navigator, CookieStore, CacheStorage, IDBFactory, HTMLIFrameElement } = win;
  if (guarded.has(Document)) return;
  guarded.add(Document);
  const denied = () => {
    throw new win.DOMException("gatekeeper: only the visitor chooses", "SecurityError");
  };
  const rejected = async () => denied();
  const unkept = (args) => !keeps((args[0] = `${args[0]}`));
  forbid(win, "fetch", addressed(0), rejected);
  forbid(XMLHttpRequest.prototype, "open", addressed(1), denied);
  forbid(Navigator.prototype, "sendBeacon", addressed(0), () => false);
  forbid(IDBFactory.prototype, "open", unkept, denied);
  if (CacheStorage) forbid(CacheStorage.prototype, "open", unkept, rejected);
  const cookie = property(Document.prototype, "cookie");
  Object.defineProperty(Document.prototype, "cookie", {
    ...cookie,
    // A frame that is reached before its page has come keeps its window, and the guard of that page puts its own.
    configurable: win !== window,
    set(value) {
      value = `${value}`;
      if (ours(value)) return;
      // The last Max-Age counts, so that nothing but a removal comes of it (RFC 6265 section 5.3).
      if (removes(value)) value += ";max-age=0";
      else if (!keeps(value.split(/[=;]/)[0].trim())) return;
      apply(cookie.set, this, [value]);
    },
  });
  lendAll(win, unkept);
  for (const name of ["contentWindow", "contentDocument"]) {
    translate(HTMLIFrameElement.prototype, name, (get, frame) => {
      const found = apply(get, frame, []);
      try {
        protect(found.defaultView || found);
      } catch {
        // Of another origin: out of reach for the page, too.
      }
      return found;
    });
  }
  if (win.RTCPeerConnection) peer(win);
  if (!CookieStore) return;
  const none = async () => {};
  forbid(CookieStore.prototype, "set", (args) => ours(named(args)) || !keeps(named(args)), none);
  forbid(CookieStore.prototype, "delete", (args) => ours(named(args)), none);
}

/** Puts a check into WebRTC, which no content policy covers: it may ask those servers that the page may reach. */
function peer(win) {
  const { RTCPeerConnection } = win;
  const near = (url) => !strays(`//${url.split(":").slice(1).join(":")}`);
  const servers = (config) => {
    if (!reach || !config) return config;
    const told = [...(config.iceServers || [])].map((server) => ({ ...server, urls: [server.urls].flat().map(String) }));
    return { ...config, iceServers: told.filter(({ urls }) => urls.every(near)) };
  };
  const checked = new Proxy(RTCPeerConnection, {
    construct: (real, [config, ...more], target) => Reflect.construct(real, [servers(config), ...more], target),
  });
  win.RTCPeerConnection = RTCPeerConnection.prototype.constructor = checked;
  if (win.webkitRTCPeerConnection) win.webkitRTCPeerConnection = checked;
  forbid(RTCPeerConnection.prototype, "setConfiguration", (args) => void (args[0] = servers(args[0])));
}

/** Returns the name of the cookie that cookieStore is asked for; fixes it as `addressed` does. */
function named(args) {
  args[0] = Object(args[0]) === args[0] ? { ...args[0] } : { name: `${args[0]}`, value: args[1] };
  args.length = 1;
  return (args[0].name = `${args[0].name}`);
}
