// The locks: what is denied is not kept in the browser, and nobody but the guard writes its cookies. Part of the guard;
// see visitor.js. frames.js locks what only a script that means to get around them would use.

const behind = new WeakMap(); // what pages get in a storage's place -> that storage

/** Tells whether a cookie is one of ours, however its name is spaced or prefixed. */
function ours(cookie) {
  return /^[\s=]*(__[\w-]+-)?gk_/i.test(cookie);
}

/** The trackers that declare a name of a cookie, of a storage key, or of a database. */
function owners(name) {
  const { trackers } = SETTINGS;
  return Object.keys(trackers).filter((id) => listed(trackers[id].keeps, name));
}

/** Tells whether a name may be kept in the browser. What nobody declared may not, unless the site says otherwise. */
function mayKeep(name) {
  const declared = owners(name);
  return learning || (declared.length ? declared.some((id) => decision(id).allowed) : SETTINGS.gate.undeclared);
}

/** Says so where it may not. */
function keeps(name) {
  return mayKeep(name) || console.warn(`gatekeeper keeps no ${name}`);
}

/** Lends a window's storage out, so that what may not be kept is not. */
function lend(win, name) {
  const { get } = property(win, name);
  let loan;
  const make = () => {
    // Where the browser lends none, this throws as it would without us.
    const store = apply(get, win, []);
    const put = (_, key, text) => {
      if (typeof key === "symbol" || keeps(key)) store[key] = text;
      return true;
    };
    const setItem = (key, text) => void put(store, `${key}`, text);
    loan = new Proxy(store, {
      set: put,
      defineProperty: (_, key, { value }) => put(store, key, value),
      get(_, key) {
        const found = store[key];
        // Once frames.js is there, the methods themselves take what is lent.
        return guard.lends || !found?.bind ? found : key === "setItem" ? setItem : found.bind(store);
      },
    });
    behind.set(loan, store);
    return loan;
  };
  Object.defineProperty(win, name, { get: () => loan || make() });
}

/** Locks what a window keeps. */
function lock(win) {
  const { Document, IDBFactory } = win;
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
  lend(win, "localStorage");
  lend(win, "sessionStorage");
  const { open } = IDBFactory.prototype;
  IDBFactory.prototype.open = function (name, ...more) {
    if (keeps((name = `${name}`))) return apply(open, this, [name, ...more]);
    throw new DOMException(name, "SecurityError");
  };
}

/* ---- What no policy covers waits for the part "page", which looks at where it leads (frames.js) ---- */

const taken = []; // rules of speculation
taken.observer = new MutationObserver(() => {
  for (const found of reach ? document.querySelectorAll("script[type=speculationrules]") : []) {
    taken.push(found);
    found.remove();
  }
});
taken.observer.observe(document, { childList: true, subtree: true });

/** Lets WebRTC ask no server by itself. */
function lockPeers(win) {
  const real = win.RTCPeerConnection;
  const construct = (_, args, target) => Reflect.construct(real, guard.peers(args), target);
  if (real) win.RTCPeerConnection = win.webkitRTCPeerConnection = new Proxy(real, { construct });
}
