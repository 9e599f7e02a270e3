// The guard's public face, the banner it opens, and its beginning: the last of its files. See visitor.js.

const layers = {}; // the banner and the preferences, by language and version
const missed = {}; // what those who listen later are told at once

/** Opens the banner, to ask; or else the preferences. */
function open(ask, wanted) {
  language = wanted || language;
  const { notice, version } = SETTINGS;
  missed.open = {
    notice, wanted, language, ask,
    choice: stored(), // anew: whoever hears of this could change the one that counts
    objected: (id) => objected(SETTINGS.purposes[id], signals),
  };
  document.dispatchEvent(new CustomEvent("gatekeeper:open", { detail: missed.open }));
  const name = ask ? "banner" : "panel";
  const layer = name + language + version;
  return (layers[layer] ||= load(name, () => (layers[layer] = null)));
}

/** What the guard's own parts, and no other script, may use; they add to it. */
const guard = {
  SETTINGS, script, policy, part, stored, decision, due, byVisitor, open,
  started, listed, behind, ours, owners, mayKeep, keeps, lock, lockPeers, violations, taken, missed,
  learning, earlier,
  choice: () => choice,
  become(next) {
    choice = next;
    build();
  },
  reach: () => reach,
  // Until the part "page" is there, which brings its own: a choice waits for it, and WebRTC asks no server.
  choose: (...args) => part("page").then(() => guard.choose(...args)),
  peers: (args) => (reach ? [] : args),
  /** Writes a cookie, also one of our own. */
  write: (text) => apply(jar.set, document, [text]),
};

const api = Object.freeze({
  allows,
  decision: (tracker) => decision(tracker),
  /** Records a choice. A refusal holds in this very click; a grant once the server and the cookie have it. */
  choose: (wish = {}) => guard.choose(wish, byVisitor()),
  withdraw: () => api.choose(),
  /** Opens the preferences; in another language, or that language's banner. */
  open(wanted, ask) {
    const tag = SETTINGS.languages[wanted];
    open(tag && ask, tag);
  },
  /** Logs what the site itself names, as far as the choice allows; see log.js. */
  event: (...args) => void part("page").then(() => guard.event(...args)),
  /** Calls back on an event, at once where it has been missed; returns its undoing. */
  on(name, fn) {
    const heard = ({ detail }) => fn(detail);
    document.addEventListener(`gatekeeper:${name}`, heard);
    if (missed[name]) fn(missed[name]);
    return () => document.removeEventListener(`gatekeeper:${name}`, heard);
  },
  push(item) {
    const done = expected.get(apply(currentScript, document, []));
    if (done) done(item(guard));
    else if (typeof item === "function") item(api);
    else api[item[0]](...item.slice(1));
  },
});

build();
lock(window);
lockPeers(window);
const waiting = window.gatekeeper;
Object.defineProperty(window, "gatekeeper", { value: api });
for (const item of [].concat(waiting || [])) {
  try {
    api.push(item);
  } catch (error) {
    reportError(error);
  }
}
if (due() && !earlier) open(true).onload = () => part("page");
else part("page");
