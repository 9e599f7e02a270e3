// Locks on the ways around: what a page's own code has no need of, and a script that means to get past the guard would
// use. Of the part "page", which is there before any held tag runs; see choose.js.

const { apply, getOwnPropertyDescriptor: property } = Reflect;
const requestUrl = property(Request.prototype, "url").get;

/** Tells whether an address is one of those by which a choice is made. */
function choosing(address) {
  try {
    const { host, pathname } = new URL(address, document.baseURI);
    const [before, after] = decodeURIComponent(pathname).replace(/\/+/g, "/").split(base.pathname);
    return host === base.host && !before && /^(choices?|mine)\b/.test(after);
  } catch {
    return false;
  }
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

/** Returns the name of the cookie that cookieStore is asked for; fixes it as `addressed` does. */
function asks(args) {
  args[0] = Object(args[0]) === args[0] ? { ...args[0] } : { name: `${args[0]}`, value: args[1] };
  args.length = 1;
  return (args[0].name = `${args[0].name}`);
}

/** Puts a check before a method: for what it finds, the answer is given instead. */
function forbid(owner, name, finds, answer) {
  const original = owner[name];
  owner[name] = function (...args) {
    return finds(args) ? answer() : apply(original, guard.behind.get(this) || this, args);
  };
}

/** Puts another getter before a property's own. */
function translate(owner, name, answer) {
  const { get } = property(owner, name);
  Object.defineProperty(owner, name, {
    get() {
      return answer((one) => apply(get, one, []), this);
    },
  });
}

const guarded = new WeakSet();

/** Puts the locks into a window, and into the same-origin frames that are reached through it. */
function protect(win) {
  const { keeps, ours, behind } = guard;
  const { Storage, StorageEvent, CookieStore, CacheStorage } = win;
  if (guarded.has(win.Document)) return;
  guarded.add(win.Document);
  if (win !== window) guard.lock(win);
  const denied = () => {
    throw new win.DOMException("gatekeeper: only the visitor chooses", "SecurityError");
  };
  const rejected = async () => denied();
  const nothing = async () => {};
  forbid(win, "fetch", addressed(0), rejected);
  forbid(win.XMLHttpRequest.prototype, "open", addressed(1), denied);
  forbid(win.Navigator.prototype, "sendBeacon", addressed(0), () => false);
  const unkept = (args) => args.length && !keeps((args[0] = `${args[0]}`));
  if (CacheStorage) forbid(CacheStorage.prototype, "open", unkept, rejected);
  if (CookieStore) {
    forbid(CookieStore.prototype, "set", (args) => ours(asks(args)) || !keeps(asks(args)), nothing);
    forbid(CookieStore.prototype, "delete", (args) => ours(asks(args)), nothing);
  }

  // Whatever takes a storage takes what is lent.
  for (const name of ["key", "getItem", "removeItem", "clear"]) forbid(Storage.prototype, name, () => false);
  forbid(Storage.prototype, "setItem", unkept, () => {});
  translate(Storage.prototype, "length", (get, store) => get(behind.get(store) || store));
  guard.lends = true;
  // Events tell of what is lent, and are made of it.
  translate(StorageEvent.prototype, "storageArea", (get, event) => {
    const area = get(event);
    if (!area) return area;
    // The first look at a storage is what has it lent.
    const lent = [win.localStorage, win.sessionStorage];
    return lent.find((loan) => behind.get(loan) === area) || area;
  });
  win.StorageEvent = new Proxy(StorageEvent, {
    construct: (real, [type, init], target) => {
      const storageArea = init && (behind.get(init.storageArea) || init.storageArea);
      return Reflect.construct(real, [type, init && { ...init, storageArea }], target);
    },
  });

  for (const name of ["contentWindow", "contentDocument"]) {
    translate(win.HTMLIFrameElement.prototype, name, (get, frame) => {
      const found = get(frame);
      try {
        protect(found.defaultView || found);
      } catch {
        // Of another origin: out of reach for the page, too.
      }
      return found;
    });
  }
  if (!win.RTCPeerConnection) return;
  if (win !== window) guard.lockPeers(win);
  const { prototype } = win.RTCPeerConnection;
  prototype.constructor = win.RTCPeerConnection;
  forbid(prototype, "setConfiguration", (args) => void (args[0] = servers(args[0])));
}

/** WebRTC may ask those servers that the page may reach. */
guard.peers = ([config, ...more]) => [servers(config), ...more];

function servers(config) {
  if (!guard.reach() || !config) return config;
  const near = (url) => !strays(`//${url.split(":").slice(1).join(":")}`);
  const told = [...(config.iceServers || [])].map((server) => ({ ...server, urls: [server.urls].flat().map(String) }));
  return { ...config, iceServers: told.filter(({ urls }) => urls.every(near)) };
}

/** Takes out rules that speculate on other hosts: no policy that leaves inline code alone covers them. */
function quell() {
  if (!guard.reach()) return;
  for (const rules of document.querySelectorAll('script[type="speculationrules"]')) if (strays(rules.text)) rules.remove();
}

/** Gives back the rules that the guard took out, those that keep to the policy. */
function giveBack() {
  guard.taken.observer.disconnect();
  for (const rules of guard.taken.filter(({ text }) => !guard.reach() || !strays(text))) {
    const copy = document.createElement("script");
    copy.type = rules.type;
    copy.nonce = rules.nonce;
    copy.text = guard.policy.createScript(rules.text);
    document.head.append(copy);
  }
}

/** Tells whether a text names a host beyond the policy; a host that cannot be read is one. */
function strays(text) {
  // JSON may write a slash as "\/", and addresses one as a backslash.
  return [...text.replace(/\\[\\/]/g, "/").matchAll(/\/\/([^/"\s?#]+)/g)].some(([, name]) => {
    try {
      const url = new URL(`http://${name}`);
      return ![location.host, ...guard.reach()].some((host) => fits(host, url));
    } catch {
      return true;
    }
  });
}
