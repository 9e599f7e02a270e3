// What the banner and the preferences share: their looks, their words, and what is said once a visitor has chosen. They
// know the page only by window.gatekeeper; a grant goes through only in a visitor's own click, which the guard checks.
// Light DOM, so that extensions which refuse on their user's behalf find the buttons. All text by textContent.

const { strings, language, direction, look, site, purposes } = TEXTS;
const { gatekeeper, document } = window;
const base = new URL(".", document.currentScript.src);

/** Names a theme's colours as custom properties. */
const colours = (theme) => Object.entries(theme).map(([name, colour]) => `--${name}:${colour};`).join("");

// :is() lends the class an id's weight, so that a page's own `button { … !important }` cannot deface the buttons. What is
// written below without it is all made !important.
const OURS = ":is(.gk,#gk#gk)";
const style = (layer) => `
&{all:initial;box-sizing:border-box;position:fixed;z-index:2147483647;
${colours(look.light)}--round:${look.radius}px;color-scheme:light;
font:1rem/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper);
border:1px solid var(--line);overflow:auto;overscroll-behavior:contain}
@media(prefers-color-scheme:dark){&{${colours(look.dark)}color-scheme:dark}}
& *{all:revert;box-sizing:border-box;max-inline-size:100%}
& *::before,& *::after{content:none}
& h2{font-size:1.125rem;line-height:1.3;margin:0 0 .25rem;outline:0}
& p{margin:0 0 .5rem}
& :is(h2,p,li,label,legend){min-inline-size:0;overflow-wrap:anywhere}
& a{color:inherit;display:inline-block;padding-block:.6rem}
& .gk-soft{color:var(--soft)}
& .gk-row{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center}
& .gk-row button{flex:1 1 8rem;min-inline-size:min-content}
& button{font:bold 1rem/1.2 system-ui,sans-serif;min-block-size:44px;padding:.4rem;
color:var(--on);background:var(--fill);border:2px solid var(--fill);
border-radius:var(--round);cursor:pointer;overflow-wrap:break-word;hyphens:auto}
& :focus-visible{outline:3px solid var(--ink);outline-offset:2px}
&.gk-said{display:block;inset:auto 1rem 5rem;margin-inline:auto;
inline-size:fit-content;max-inline-size:36rem;max-block-size:calc(100dvh - 6rem);
padding:1rem 1.25rem;border-radius:var(--round);box-shadow:0 4px 24px #0004}
&.gk-said>*{margin-block-end:.5rem}
& code{font:600 1.0625rem/1.5 monospace;user-select:all}
@media print{&{display:none}}${layer}`
    .replaceAll("&", OURS)
    .replace(/[^;{}](?=[;}])/g, "$&!important");

let shown; // this layer
let said; // what became of a choice
let before; // what had the focus before the visitor came here
let latest = 0; // the last choice made here
let survivors = []; // what is said of what could not be removed after it

/** Makes an element. Functions become listeners, everything else attributes; what is false or missing is left out. */
function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") node.addEventListener(key, value);
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter(Boolean));
  return node;
}

/** Makes an element that stands in the page by itself. */
function box(name, attributes, ...children) {
  document.adoptedStyleSheets = [...new Set([...document.adoptedStyleSheets, sheet])];
  return element(name, { lang: language, dir: direction, ...attributes, class: `gk ${attributes.class}` }, ...children);
}

function say(key, values) {
  return strings[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function paragraph(text, kind) {
  return element("p", { class: kind }, text);
}

function strong(text) {
  return paragraph(element("strong", {}, text));
}

function button(key, click) {
  return element("button", { type: "button", click }, strings[key]);
}

function link() {
  return element("a", { href: new URL(`notice?lang=${language}`, base) }, strings.notice);
}

/** Joins names into one phrase. Intl.ListFormat would, for its first, read more of its data than all else here costs. */
function list(names) {
  const rest = names.slice(0, -1);
  return (rest.length ? rest.join(strings.list_between) + strings.list_last : "") + names.slice(-1);
}

/** The purposes that a browser's signal denies. */
function against({ objected }) {
  return purposes.filter(({ id }) => objected(id));
}

/** What "Accept all" grants: all but what the browser objects to, which has a switch of its own. */
function acceptable(how) {
  return purposes.map(({ id }) => id).filter((id) => !how.objected(id));
}

/** The languages that this may be read in, where there are several. The browser knows their names, once it is asked. */
function languages() {
  const { names, languages: tags } = TEXTS;
  if (tags.length < 2) return null;
  const option = (value, text) => element("option", { value, lang: value, selected: value === language && "" }, text);
  const named = (tag) => {
    const own = names[tag] || new Intl.DisplayNames(tag, { type: "language" }).of(tag);
    return own[0].toLocaleUpperCase(tag) + own.slice(1);
  };
  const fill = () => {
    if (list.length < 2) list.replaceChildren(...tags.map((tag) => option(tag, named(tag))));
  };
  const change = () => gatekeeper.open(list.value, true);
  const list = element("select", { "aria-label": strings.language, focus: fill, pointerdown: fill, change }, option(language, names[language]));
  return list;
}

function close() {
  if (shown) shown.remove();
  if (said) said.remove();
  shown = said = null;
}

/** Hands a choice to the guard, within the click, and says what became of it. */
async function choose(method, wish) {
  const mine = ++latest;
  survivors = [];
  const answer = await gatekeeper.choose({ ...wish, method, language }).catch(() => null);
  if (mine !== latest) return;
  // Not in a box of its own, which would lie over the buttons.
  if (!answer) return shown?.querySelector("[role=status]").replaceChildren(paragraph(strings.failed));
  if (answer.state === "stale") return;
  close();
  announce(answer.kept ? kept(answer) : [strings.not_kept]);
  const known = before && before !== document.body && before.isConnected;
  (known ? before : said.lastChild).focus();
}

function kept({ state, until, receipt }) {
  const date = new Date(until).toLocaleDateString(language, { dateStyle: "long", timeZone: "UTC" });
  const lines = [say(`saved_${state}`, { date }), say("change", strings)];
  return receipt ? [...lines, strings.receipt, element("code", {}, receipt.code)] : lines;
}

/** Shows a message that screen readers speak; it stays until it is closed. */
function announce(lines) {
  const status = element("div", { role: "status" });
  said = box("div", { class: "gk-said" }, status, button("close", () => said.remove()));
  document.body.append(said);
  // A live region speaks of what changes in it, so it has to be there first.
  requestAnimationFrame(() => {
    status.append(...lines.map((line) => paragraph(line)));
    remain();
  });
}

/** Adds to the message what could not be removed: known only after the browser has tried. */
function remain() {
  if (!said || !survivors.length) return;
  said.firstChild.append(...survivors.map((line) => paragraph(line)));
  survivors = [];
}

/** Remembers where the visitor was, to lead back there afterwards; from one layer to the next, too. */
function remember({ relatedTarget = document.activeElement }) {
  const ours = relatedTarget?.closest(".gk");
  if (!ours) before = relatedTarget;
  else if (ours !== shown) before = ours.before;
  if (shown) shown.before = before;
}

const sheet = new CSSStyleSheet();
let undo = () => {};

/** Opens as the guard asks, as soon as there is a page to open in. */
function serve(open, layer) {
  sheet.replaceSync(style(layer));
  const begin = () => {
    undo = gatekeeper.on("open", (how) => {
      said?.remove();
      // A newer notice has another file, and so has another language.
      if (how.notice !== TEXTS.no || how.language !== language) close();
      else open(how);
      if (how.notice !== TEXTS.no) undo();
    });
    gatekeeper.on("survivors", ({ lines }) => {
      survivors = lines;
      remain();
    });
  };
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
}
