// The tags of the page: held until they are allowed, then run once and in order. Of the part "page"; see choose.js.

const HELD =
  ':is(script[type="text/plain"],template,[data-src]:not(script),[data-srcset],[data-poster],link[data-href])[data-gk]';
// What pages written for other consent tools are known by: while a page is read, only by scripts, as all of it costs more
// to look for. markup.js reads them.
const UNMARKED = 'script:is([type="text/plain"]:not([data-gk]),[type="opt-in"],[type^="didomi/"])';
const FOREIGN =
  `${UNMARKED},:is([data-src],[data-href]):is([data-category],[data-name],[data-cookieconsent],[data-cookie-consent],` +
  '[data-usercentrics],[class*="optanon-category"],[class*="ot-vscat"]),[data-cookieblock-src],[data-uc-src],[uc-src],' +
  '[class*="cookieconsent-opt"],[data-cc],.ot-sdk-show-settings,.optanon-show-settings,[data-c15t-action],#Cookiebot,' +
  "[data-domain-script],probo-settings-link,[data-gk-answers]";
const EMBED = "iframe,video,audio,embed";
const lent = new Set(); // trackers of which the visitor let something load once
const released = new WeakSet();
const blocked = new WeakMap(); // tag -> the reason last reported
let busy; // a script is loading; those after it wait

/** Has tags that are marked for another tool marked as ours, where there are any; without that part they stay held. */
function scan() {
  const known = document.readyState === "loading" ? UNMARKED : FOREIGN;
  if (guard.translate) guard.translate();
  else if (window.OptanonWrapper || document.querySelector(known)) return void guard.part("markup").then(scan, letGo);
  letGo();
}

/** Goes through the held tags in document order and releases what is allowed, each once. */
function letGo() {
  for (const tag of document.querySelectorAll(HELD)) {
    if (released.has(tag) || !whole(tag)) continue;
    const [id = "unknown", fits] = trackerOf(tag);
    const { allowed, reason } = decision(fits ? id : "");
    if (!allowed) {
      if (blocked.get(tag) === reason) continue;
      blocked.set(tag, reason);
      if (!fits) console.warn("gatekeeper: held, as no declared tracker fits", tag);
      report(id, "blocked", reason);
      if (tag.matches(EMBED)) embeds();
    } else if (!reachable(id)) continue;
    else if (tag.localName === "template") unpack(tag, id, reason);
    else if (tag.localName !== "script") release(tag, tag, id, reason);
    else if (!busy) run(tag, id, reason);
  }
}

/** Has held embeds stood in for, and those taken back that no longer may run; without that part they are blank. */
function embeds() {
  guard.part("embeds").then(() => guard.tend(), () => {});
}

/** Tells whether the parser is done with a tag: of a script still arriving, half would run. */
function whole(node) {
  return document.readyState !== "loading" || (node && (node.nextSibling || whole(node.parentNode)));
}

/** Returns a tag's tracker, named or known by its host, and whether it is what the site declared. */
function trackerOf({ dataset }) {
  const { trackers } = SETTINGS;
  try {
    const address = dataset.src || dataset.href;
    const url = new URL(address || base, document.baseURI);
    const ids = dataset.gkTracker ? [dataset.gkTracker] : address ? Object.keys(trackers).filter((id) => serves(id, url)) : [];
    const declared = ids.length === 1 && Object.hasOwn(trackers, ids[0]) && trackers[ids[0]];
    return [ids[0], declared && declared.purpose === (dataset.gk || declared.purpose) && /^http/.test(url.protocol)];
  } catch {
    return [];
  }
}

function serves(id, url) {
  return hostsOf(id).some((pattern) => fits(pattern, url));
}

/** Tells whether a host is meant by a pattern: *.example.org means those below example.org. */
function fits(pattern, { host, hostname }) {
  return [host, hostname].some((name) => (pattern[0] === "*" ? name.endsWith(pattern.slice(1)) : name === pattern));
}

function hostsOf(id) {
  return SETTINGS.trackers[id].hosts || [];
}

/** Tells whether this document can start a tracker; otherwise the next one does. */
function reachable(id) {
  const reach = guard.reach();
  return !reach || hostsOf(id).every((host) => reach.includes(host));
}

/** Puts what a template holds in its place; its scripts run as the browser inserts them. */
function unpack(tag, id, reason) {
  released.add(tag);
  guard.started.add(id);
  report(id, "released", reason);
  tag.replaceWith(document.adoptNode(tag.content)); // adopted, not copied: a copy would lose its shadow roots
}

function run(tag, id, reason) {
  const copy = document.createElement("script");
  const src = tag.dataset.src;
  // The guard's own nonce is lent to declared hosts only: else a tag injected into the page could borrow it.
  copy.nonce = tag.nonce || (src && serves(id, new URL(src, document.baseURI)) ? guard.script.nonce : "");
  copy.async = false;
  busy = src && !tag.hasAttribute("async");
  const next = () => {
    busy = false;
    scan();
  };
  if (busy) for (const end of ["load", "error"]) copy.addEventListener(end, next);
  release(tag, copy, id, reason);
  if (!src) copy.text = guard.policy.createScript(tag.text);
  tag.replaceWith(copy);
  if (!src) report(id, "loaded", reason);
}

/** Gives a tag, or the script that takes its place, the attributes that were held back. */
function release(tag, copy, id, reason) {
  released.add(tag);
  if (copy !== tag) guard.started.add(id); // a script: a frame can be taken back
  report(id, "released", reason);
  copy.addEventListener("load", () => report(id, "loaded", reason));
  copy.addEventListener("error", () => report(id, "failed", reason));
  for (const { name, value } of [...tag.attributes]) {
    const to = name.replace(/^data-(src|href|srcset|poster|type)$/, "$1");
    if (to === name && (copy === tag || name === "type" || name === "nonce")) continue;
    tag.removeAttribute(name);
    copy.setAttribute(to, to === "src" ? guard.policy.createScriptURL(value) : value);
  }
}
