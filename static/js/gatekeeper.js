// The guard's public face, the banner it opens, and its beginning: the last of its files. See visitor.js.

const banners = {}; // the file of each version
let opened; // how it was last asked for

/** Opens the banner: to ask, or as the preferences. */
function open(ask) {
  opened = { ask, notice: SETTINGS.notice, choice, objected: (id) => objected(SETTINGS.purposes[id], signals) };
  emit("open", opened);
  const spoken = document.documentElement.lang.toLowerCase().split("-")[0];
  const { languages, language, version } = SETTINGS;
  return (banners[version] ||= load(`banner.${languages.includes(spoken) ? spoken : language}`, () => (banners[version] = null)));
}

function emit(name, detail) {
  document.dispatchEvent(new CustomEvent(`gatekeeper:${name}`, { detail }));
}

/** What the guard's own parts, and no other script, may use; they add to it. */
const guard = {
  ...{ SETTINGS, script, policy, part, stored, decision, decidePurpose, due, byVisitor, open },
  ...{ started, listed, loans, behind, ours, owners, mayKeep, keeps, lock, lockPeers, violations, speculations, taking },
  ...{ learning, earlier },
  choice: () => choice,
  become(next) {
    choice = next;
    build();
  },
  reach: () => reach,
  /** Writes a cookie, also one of our own. */
  write: (text) => apply(jar.set, document, [text]),
};

const api = Object.freeze({
  allows,
  decision: (tracker) => decision(tracker),
  /** Records a choice. A refusal holds in this very click; a grant once the server and the cookie have it. */
  choose(wish = {}) {
    const trusted = byVisitor();
    return guard.choose ? guard.choose(wish, trusted) : part("page").then(() => guard.choose(wish, trusted));
  },
  withdraw: () => api.choose(),
  open: () => void open(),
  // Custom events are not sent yet.
  event() {},
  /** Calls back on an event, at once where it has been missed; returns its undoing. */
  on(name, fn) {
    const heard = ({ detail }) => fn(detail);
    document.addEventListener(`gatekeeper:${name}`, heard);
    if (name === "open" && opened) fn(opened);
    if (name === "ready" && guard.ready) fn();
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
