// The locks: what is denied is not kept in the browser, and nobody but the guard writes its cookies. Part of the guard;
// see visitor.js. frames.js locks what only a script that means to get around them would use.

const loans = new WeakMap(); // storage -> what pages get in its place
const behind = new WeakMap(); // the reverse

/** Tells whether a cookie is one of ours, however its name is spaced or prefixed. */
function ours(cookie) {
  return /^[\s\0-\x1f=]*(__[\w-]+-)?gk_/i.test(cookie);
}

/** The trackers that declare a name of a cookie, of a storage key, or of a database. */
function owners(name) {
  const { trackers } = SETTINGS;
  return Object.keys(trackers).filter((id) => (trackers[id].keeps || []).some((pattern) => like(pattern, name)));
}

/** Tells whether a name may be kept in the browser. What nobody declared may not, unless the site says otherwise. */
function mayKeep(name) {
  const declared = owners(name);
  if (learning) return true;
  return declared.length ? declared.some((id) => decision(id).allowed) : SETTINGS.gate.undeclared;
}

/** Says so where it may not. */
function keeps(name) {
  const may = mayKeep(name);
  if (!may) console.warn(`gatekeeper: "${name}" is not kept: no tracker that may fire declares it`);
  return may;
}

/** Puts a check before a method: for what it finds, the answer is given instead. */
function forbid(owner, name, finds, answer) {
  const original = owner[name];
  owner[name] = function (...args) {
    return finds(args) ? answer() : apply(original, behind.get(this) || this, args);
  };
}

/** Lends a window's storage out, so that what may not be kept is not. */
function lend(win, name) {
  const store = win[name];
  const put = (_, name, text) => {
    if (typeof name === "symbol" || keeps(name)) store[name] = text;
    return true;
  };
  const loan = new Proxy(store, { set: put, defineProperty: (_, name, { value }) => put(store, name, value) });
  loans.set(store, loan);
  behind.set(loan, store);
  Object.defineProperty(win, name, { value: loan });
}

/** Locks what a window keeps. */
function lock(win) {
  const { Document, Storage } = win;
  const none = () => {};
  const unkept = (args) => args.length && !keeps((args[0] = `${args[0]}`));
  const denied = () => {
    throw new win.DOMException("gatekeeper: only the visitor chooses", "SecurityError");
  };
  const cookie = property(Document.prototype, "cookie");
  Object.defineProperty(Document.prototype, "cookie", {
    ...cookie,
    // A frame that is reached before its page has come keeps its window, and the guard of that page puts its own.
    configurable: win !== window,
    set(value) {
      value = `${value}`;
      // The last Max-Age counts, so that nothing but a removal comes of it (RFC 6265 section 5.3).
      if (!ours(value)) apply(cookie.set, this, [keeps(value.split(/[=;]/)[0].trim()) ? value : `${value};max-age=0`]);
    },
  });
  for (const name of ["localStorage", "sessionStorage"]) {
    try {
      lend(win, name);
    } catch {
      // The browser lends none: there is nothing to guard.
    }
  }
  // Whatever takes a storage takes what is lent.
  for (const name of ["key", "getItem", "removeItem", "clear"]) forbid(Storage.prototype, name, none);
  forbid(Storage.prototype, "setItem", unkept, none);
  const { get } = property(Storage.prototype, "length");
  Object.defineProperty(Storage.prototype, "length", {
    get() {
      return apply(get, behind.get(this) || this, []);
    },
  });
  forbid(win.IDBFactory.prototype, "open", unkept, denied);
}

/* ---- What no policy covers waits for the part "page", which looks at where it leads (frames.js) ---- */

const speculations = []; // rules that were taken out
const taking = new MutationObserver(() => {
  for (const rules of reach ? document.querySelectorAll('script[type="speculationrules"]') : []) {
    speculations.push(rules);
    rules.remove();
  }
});
taking.observe(document, { childList: true, subtree: true });

/** Lets WebRTC ask no server by itself. */
function lockPeers(win) {
  const real = win.RTCPeerConnection;
  const construct = (_, args, target) => Reflect.construct(real, guard.peers ? guard.peers(args) : reach ? [] : args, target);
  if (real) win.RTCPeerConnection = win.webkitRTCPeerConnection = new Proxy(real, { construct });
}
