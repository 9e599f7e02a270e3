// The guard: the first script in <head>, synchronous and small. It denies: by a policy for this page (wall.js) and by
// locks on what the browser keeps (locks.js). Whatever lets something happen is in parts that come later, so an error
// anywhere leaves everything held. docs/limits.md says what a hostile script on the same page can still do.

// Pristine copies, taken before any other script of the page can replace them.
const { document, navigator } = window;
const { apply, getOwnPropertyDescriptor: property } = Reflect;
const jar = property(Document.prototype, "cookie");
const currentScript = property(Document.prototype, "currentScript").get;
const currentEvent = property(window, "event").get;
const eventType = property(Event.prototype, "type").get;

const script = document.currentScript;
const base = new URL(".", script.src);
const signals = [navigator.globalPrivacyControl && "gpc", navigator.doNotTrack === "1" && "dnt"];
let learning; // then nothing is kept from the page but its marked tags
let earlier; // whether another consent tool may have heard an answer
let choice = stored();

/** Reads the cookies: the choice, whether this is the browser of staff who learn what the site loads, and `earlier`. */
function stored() {
  const cookies = apply(jar.get, document, []);
  learning = cookies.includes("gk_learning=");
  earlier = ["onsent=", "klaro", "c15t", "cc_coo", "didomi"].some((name) => cookies.includes(name));
  const found = `; ${cookies}`.split(`; ${SETTINGS.cookie}=`)[1] || "";
  return readChoice(found.split(";")[0], SETTINGS);
}

function decision(id, decider = decide) {
  return decider(id, { choice, signals, status: "active" }, SETTINGS, Date.now() / 1000);
}

/** Tells whether a purpose or tracker is allowed; where one id names both, both must be. */
function allows(id) {
  const found = [];
  if (hasOwn(SETTINGS.trackers, id)) found.push(decision(id));
  if (hasOwn(SETTINGS.purposes, id)) found.push(decision(id, decidePurpose));
  return found.length > 0 && found.every(({ allowed }) => allowed);
}

/** Tells whether the visitor has to be asked: no choice, one that ran out, or one about less than is asked today. */
function due() {
  const { purposes, trackers } = SETTINGS.notices[SETTINGS.notice] || {};
  const reasons = "no_choice expired stale_notice";
  const unasked = (ids, decider) => ids?.some((id) => reasons.includes(decision(id, decider).reason));
  return unasked(purposes, decidePurpose) || (choice?.notice !== SETTINGS.notice && unasked(trackers));
}

/** Tells whether this runs in a visitor's own click, which no script can fake. */
function byVisitor() {
  const event = apply(currentEvent, window, []);
  return event?.isTrusted && apply(eventType, event, []) === "click";
}

/* ---- Parts that are loaded when they are needed ---- */

const parts = {};
const expected = new WeakMap(); // our own script -> what to do with what it brings

// Trusted Types: where the site's policy does not list ours, no part comes, and nothing is let through.
let policy = { createScript: String, createScriptURL: String };
try {
  policy = trustedTypes.createPolicy("gatekeeper", policy);
} catch {
  // Not supported, or not on the page's list.
}

/** Loads a part, once; after a failure it may be tried again. */
function part(name) {
  return (parts[name] ||= new Promise((done, failed) => {
    const lost = () => {
      parts[name] = null;
      failed(Error(name));
    };
    expected.set(load(`part.${name}`, lost), done);
  }));
}

// Visitors are spoken to in the language of the page, else in their own, as far as the site has it.
let language = [document.documentElement.lang, ...navigator.languages, "*"]
  .flatMap((tag) => [tag, tag.split("-")[0]])
  .map((tag) => SETTINGS.languages[tag.toLowerCase()])
  .find((one) => one);

/** Loads a script of our own. */
function load(name, onerror) {
  const src = policy.createScriptURL(`${base}${name}.${language}.${SETTINGS.version}.js`);
  const file = Object.assign(document.createElement("script"), { nonce: script.nonce, src, onerror });
  document.head.append(file);
  return file;
}
