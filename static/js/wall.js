// The wall: the policy of this page. Part of the guard; see visitor.js.

const started = new Set(); // the trackers of which a script has run in this page
const violations = []; // what it stopped before anybody could be told
let reach; // the hosts that this document's policies let through; none where there is no policy

/** Puts the policy on the page, or one more that narrows it: a browser keeps to all it was given. */
function build() {
  const { trackers, gate } = SETTINGS;
  if (gate.off || learning || listed(gate.tags_only)) return;
  // The hosts that a page may reach: see gatekeeper/core/policy.py. Those of a marked tracker, too, as its tags are inert;
  // once one of them has run here, only while it is allowed.
  const open = Object.keys(trackers).filter((id) => (trackers[id].marked && !started.has(id)) || decision(id).allowed);
  const now = [base.host, ...gate.hosts, ...open.flatMap((id) => trackers[id].hosts || [])];
  if (reach?.every((host) => now.includes(host))) return;
  reach = reach ? reach.filter((host) => now.includes(host)) : now;
  // A host alone stands for the page's own scheme; web sockets, and https beside http, have to be said.
  const socket = location.protocol.replace("http", "ws");
  const sources = reach.map((host) => ` ${host} https://${host} ${socket}//${host}`).join("");
  const meta = document.createElement("meta");
  meta.httpEquiv = "Content-Security-Policy";
  meta.content = gate.policy.map((directive) => directive + sources).join(";");
  document.head.prepend(meta);
}

/** Tells whether a name is on a list: without one, the page's path. */
function listed(patterns, name = location.pathname) {
  return patterns?.some((pattern) => like(pattern, name));
}

/** Tells whether a text is meant by a pattern: one that ends with * means all that begin so. */
function like(pattern, text) {
  return pattern.slice(-1) === "*" ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

document.addEventListener("securitypolicyviolation", (event) => violations.push(event));
