// Loaded where an embed is held: says in its place who would receive what, and lets the visitor load it.
// The embed stays where it is, hidden; what stands for it lies over its box and takes no room of its own, so that the
// page does not move when either comes or goes. A part of the guard: `guard` is its inside.

const { strings, language, direction, trackers } = TEXTS;
const EMBED = ":is(iframe,video,audio,embed)";
const LEAST = 24; // pixels: what is smaller shows a visitor nothing

// :is() lends the class an id's weight, so that a page's own `button { … !important }` cannot deface the buttons.
const STYLE = `
:is(.gk-embed,#gk#gk){all:initial!important;box-sizing:border-box!important;--ink:#17191c;--soft:#4b5058;--paper:#f4f5f6;
--line:#83878f;--fill:#1c2733;--on:#fff;color-scheme:light!important;font:1rem/1.4 system-ui,sans-serif!important;
color:var(--ink)!important;background:var(--paper)!important;border:1px solid var(--line)!important;overflow:hidden!important}
@media(prefers-color-scheme:dark){:is(.gk-embed,#gk#gk){--ink:#f1f2f4;--soft:#c2c6cd;--paper:#1b1d21;--line:#8b9099;
--fill:#e6e9ee;--on:#15171a;color-scheme:dark!important}}
div:is(.gk-embed,#gk#gk){display:grid!important;grid-template-columns:minmax(0,1fr)!important;
place-items:center!important;position:absolute!important;margin:0!important}
dialog[open]:is(.gk-embed,#gk#gk){display:block!important;position:fixed!important;inset:0!important;margin:auto!important;
inline-size:min(28rem,100vw - 1.5rem)!important;block-size:fit-content!important;max-block-size:calc(100dvh - 1.5rem)!important;
overflow:auto!important;border-radius:.75rem!important}
dialog:not([open]):is(.gk-embed,#gk#gk){display:none!important}
dialog:is(.gk-embed,#gk#gk)::backdrop{background:#0009!important}
:is(.gk-embed,#gk#gk) *{all:revert!important;box-sizing:border-box!important;max-inline-size:100%!important;
overflow-wrap:anywhere!important}
:is(.gk-embed,#gk#gk) *::before,:is(.gk-embed,#gk#gk) *::after{content:none!important}
:is(.gk-embed,#gk#gk) .gk-panel{inline-size:34rem!important;padding:.5rem 1rem!important;text-align:center!important}
:is(.gk-embed,#gk#gk) .gk-panel > button{margin-inline-start:.75rem!important}
:is(.gk-embed,#gk#gk) .gk-tight{font-size:.875rem!important;line-height:1.3!important;padding:.25rem .5rem!important}
:is(.gk-embed,#gk#gk) .gk-tight p{margin-block-end:.25rem!important}
:is(.gk-embed,#gk#gk) .gk-tight .gk-soft{display:none!important}
:is(.gk-embed,#gk#gk) .gk-tight a{padding-block:.2rem!important}
:is(.gk-embed,#gk#gk) .gk-tight button{flex-basis:6rem!important;font-size:.875rem!important}
:is(.gk-embed,#gk#gk) p{margin:0 0 .5rem!important}
:is(.gk-embed,#gk#gk) .gk-soft{color:var(--soft)!important}
:is(.gk-embed,#gk#gk) [role=status]:empty{display:none!important}
:is(.gk-embed,#gk#gk) a{display:inline-block!important;padding-block:.65rem!important;color:inherit!important}
:is(.gk-embed,#gk#gk) .gk-row{display:flex!important;flex-wrap:wrap!important;gap:.5rem!important}
:is(.gk-embed,#gk#gk) .gk-row button{flex:1 1 8rem!important}
:is(.gk-embed,#gk#gk) button{font:600 1rem/1.25 system-ui,sans-serif!important;min-block-size:44px!important;min-inline-size:44px!important;
padding:.5rem .75rem!important;color:var(--on)!important;background:var(--fill)!important;border:2px solid var(--fill)!important;
border-radius:.5rem!important;cursor:pointer!important;overflow-wrap:break-word!important}
:is(.gk-embed,#gk#gk) button.gk-plain{color:var(--ink)!important;background:var(--paper)!important;border-color:var(--line)!important}
:is(.gk-embed,#gk#gk) button.gk-whole{inline-size:100%!important;block-size:100%!important;min-inline-size:0!important;
min-block-size:0!important;padding:0 .25rem!important;border:0!important;border-radius:0!important;overflow:hidden!important;
font-size:.8125rem!important;white-space:nowrap!important;text-overflow:ellipsis!important;color:var(--ink)!important;background:var(--paper)!important;text-decoration:underline!important}
:is(.gk-embed,#gk#gk) :focus-visible{outline:3px solid var(--ink)!important;outline-offset:2px!important}
:is(.gk-embed,#gk#gk) button.gk-whole:focus-visible{outline-offset:-4px!important}
${EMBED}[data-gk-held]{visibility:hidden!important}`;

const places = new Map(); // a held embed -> what stands for it
const once = new WeakSet(); // embeds that the visitor let load, in this page
const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);

function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key, value);
    else node.setAttribute(key, value);
  }
  node.append(...children.filter(Boolean));
  return node;
}

function say(key, values) {
  return strings[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Goes through the page's embeds: takes back what no longer may run, and stands in for what is held. */
function tend() {
  for (const embed of document.querySelectorAll(`${EMBED}[src]`)) takeBack(embed);
  for (const embed of places.keys()) if (!embed.isConnected || !embed.matches("[data-src]")) leave(embed);
  for (const embed of document.querySelectorAll(`${EMBED}[data-gk][data-src]`)) stand(embed);
}

/** Puts a copy that is held in the place of an embed that may not run; what ran in it is gone at once. */
function takeBack(embed) {
  if (once.has(embed)) return;
  const { gate, trackers: declared } = guard.SETTINGS;
  const src = embed.getAttribute("src");
  const [id, fits] = guard.trackerOf({ dataset: { ...embed.dataset, src } });
  const marked = embed.hasAttribute("data-gk");
  if (!fits || guard.decision(id).allowed || (!marked && (gate.off || guard.listed(gate.tags_only)))) return;
  const copy = embed.cloneNode(true);
  copy.removeAttribute("src");
  copy.dataset.src = src;
  copy.dataset.gk = declared[id].purpose;
  embed.replaceWith(copy);
}

/** Stands in for a held embed, or makes way where it may load. */
function stand(embed) {
  const [id, fits] = guard.trackerOf(embed);
  const { allowed, reason } = guard.decision(id);
  const here = guard.reachable(id);
  const state = `${id} ${reason} ${here}`;
  const before = places.get(embed);
  if (before && before.state === state && before.node.isConnected) return place(embed);
  leave(embed);
  if (!fits || !Object.hasOwn(trackers, id) || (allowed && here)) return;
  const { name, country } = trackers[id];
  const label = say("embed_held", { name, country });
  const node = element("div", { class: "gk-embed", role: "group", "aria-label": label, lang: language, dir: direction });
  places.set(embed, { id, state, node, panel: panel(embed, id, allowed ? "next" : reason, here) });
  document.adoptedStyleSheets = [...new Set([...document.adoptedStyleSheets, sheet])];
  sizes.observe(embed);
  if (embed.offsetParent) sizes.observe(embed.offsetParent);
  insert(embed, node);
  place(embed);
}

/** Puts a node beside an embed, on the side where the page's own styles do not mind it. */
function insert(embed, node) {
  const boxes = () => JSON.stringify([embed, embed.parentNode].map((one) => one.getBoundingClientRect?.()));
  const was = boxes();
  embed.after(node);
  if (boxes() !== was) embed.before(node);
  if (boxes() !== was) embed.after(node);
}

/** Lays what stands for an embed over its box. */
function place(embed) {
  const found = places.get(embed);
  const { node } = found;
  const { offsetWidth: width, offsetHeight: height } = embed;
  const visible = Math.min(width, height) >= LEAST;
  embed.toggleAttribute("data-gk-held", visible);
  set(node, "display", visible ? "" : "none");
  if (!visible) return;
  set(node, "width", `${width}px`);
  set(node, "height", `${height}px`);
  set(node, "border-radius", getComputedStyle(embed).borderRadius);
  const there = embed.getBoundingClientRect();
  const here = node.getBoundingClientRect();
  const [x, y] = (found.offset || [0, 0]).map((at, axis) => at + (axis ? there.y - here.y : there.x - here.x));
  found.offset = [x, y];
  set(node, "translate", `${x}px ${y}px`);
  if (found.size !== `${width} ${height}`) fill(found, `${width} ${height}`);
}

function set({ style }, name, value) {
  style.setProperty(name, value, "important");
}

/** Fills the box with what there is to say, closely set where it has to be; else with a button that opens it. */
function fill(found, size) {
  const { node, panel } = found;
  if (found.dialog) return;
  const within = node.contains(document.activeElement);
  found.size = size;
  node.replaceChildren(panel);
  const over = ({ scrollHeight, clientHeight, scrollWidth, clientWidth }) =>
    scrollHeight > clientHeight || scrollWidth > clientWidth;
  panel.classList.remove("gk-tight");
  panel.classList.toggle("gk-tight", over(node));
  if (over(node)) {
    panel.classList.remove("gk-tight");
    const { name, country } = trackers[found.id];
    const label = say("embed_open", { name, country });
    const attributes = { type: "button", class: "gk-whole", "aria-haspopup": "dialog", "aria-label": label };
    const whole = element("button", { ...attributes, click: () => open(found) }, label);
    node.replaceChildren(whole);
    if (over(whole)) whole.textContent = name;
  }
  if (within) node.querySelector("button").focus();
}

/** Shows in a box of its own what did not fit. */
function open(found) {
  const { name, country } = trackers[found.id];
  const close = element("button", { type: "button", class: "gk-plain", click: () => dialog.close() }, strings.close);
  const dialog = element(
    "dialog",
    { class: "gk-embed", "aria-label": say("embed_held", { name, country }), lang: language, dir: direction },
    found.panel,
  );
  found.panel.append(close);
  dialog.addEventListener("close", () => {
    found.dialog = null;
    close.remove();
    dialog.remove();
  });
  found.dialog = dialog;
  document.body.append(dialog);
  dialog.showModal();
}

/** What a visitor has to know of a held embed, and may do about it. `reason`: why it is held. */
function panel(embed, id, reason, here) {
  const { name, country, purpose } = trackers[id];
  const status = element("div", { role: "status" });
  const key = { next: "embed_next", minor: "embed_minor" }[reason] || "embed_lead";
  return element(
    "div",
    { class: "gk-panel" },
    embed.title && element("p", {}, element("strong", {}, embed.title)),
    element("p", {}, say(key, { name, country })),
    element("p", { class: "gk-soft" }, say("embed_purpose", { purpose })),
    status,
    element("div", { class: "gk-row" }, ...ways(embed, id, reason, here, status)),
    element("a", { href: `${guard.base}notice` }, strings.notice),
  );
}

/** The buttons, of equal weight. What cannot be had from here is not offered. */
function ways(embed, id, reason, here, status) {
  const button = (text, click) => element("button", { type: "button", click }, text);
  const choices = element("button", { type: "button", "data-gk-open": "" }, strings.way_back);
  if (reason === "minor") return [];
  // Where ages are asked, nothing is loaded for somebody who has not said theirs.
  if (TEXTS.asks_age && guard.choice()?.age_band == null) return [choices];
  if (reason === "next") return [button(strings.embed_again, () => location.reload())];
  if (!["no_choice", "refused", "withdrawn", "expired", "signal", "stale_notice"].includes(reason)) return [choices];
  const { name } = trackers[id];
  const always = () => allow(id, status);
  return [
    here && button(strings.embed_once, () => guard.byVisitor() && loadOnce(embed, id)),
    mayAllow(id, reason) ? button(say("embed_always", { name }), always) : choices,
  ].filter(Boolean);
}

/** Loads this one embed in this one page. It is noted nowhere. */
function loadOnce(embed, id) {
  once.add(embed);
  guard.lent.add(id);
  for (const { name, value } of [...embed.attributes]) {
    const to = name.replace(/^data-(src|srcset|poster|type)$/, "$1");
    if (to === name) continue;
    embed.removeAttribute(name);
    embed.setAttribute(to, to === "src" ? guard.policy.createScriptURL(value) : value);
  }
  leave(embed);
}

function inside(embed) {
  const { node, dialog } = places.get(embed);
  return [node, dialog].some((box) => box && box.contains(document.activeElement));
}

/** What was answered to the notice of today; under an older one, or where the browser objects, the banner has to ask. */
function mayAllow(id, reason) {
  const { notice } = guard.SETTINGS;
  const choice = guard.choice();
  const current = !choice || choice.notice === notice || choice.state !== "granted" || reason === "expired";
  return current && reason !== "signal" && guard.asked().trackers.includes(id);
}

/** Grants this tracker, and leaves all else as it is. The guard takes it only from a visitor's own click. */
async function allow(id, status) {
  const { trackers: declared } = guard.SETTINGS;
  const choice = guard.decision(id).reason === "expired" ? null : guard.choice();
  const { purposes = [], trackers: exceptions = [], override = [], state } = choice || {};
  const granted = state === "granted" ? purposes : [];
  const kept = state === "granted" ? exceptions : [];
  const answers = Object.fromEntries(kept.map((one) => [one, !granted.includes(declared[one].purpose)]));
  const wish = { granted, override, trackers: { ...answers, [id]: true }, method: "embed", language };
  const told = await gatekeeper.choose(wish).catch(() => null);
  if (!told) status.replaceChildren(element("p", {}, strings.failed));
  else if (!told.kept && told.state !== "stale") status.replaceChildren(element("p", {}, strings.not_kept));
}

/** Makes way for an embed. */
function leave(embed) {
  const found = places.get(embed);
  if (!found) return;
  const within = inside(embed);
  places.delete(embed);
  sizes.unobserve(embed);
  embed.removeAttribute("data-gk-held");
  if (found.dialog) found.dialog.close();
  found.node.remove();
  if (within && embed.isConnected) embed.focus();
}

const sizes = new ResizeObserver(() => {
  for (const embed of places.keys()) place(embed);
});
new MutationObserver(tend).observe(document, { childList: true, subtree: true });
document.addEventListener("gatekeeper:choice", tend);
addEventListener("resize", () => places.forEach((_, embed) => place(embed)));
guard.tend = tend;
