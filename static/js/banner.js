// The banner: asks on a first visit, and holds the preferences. It knows the page only by window.gatekeeper; a grant goes
// through only in a visitor's own click, which the guard checks.
// Light DOM, so that extensions which refuse on their user's behalf find the buttons. All text by textContent.

const { strings, notice, language, direction } = TEXTS;
const { gatekeeper, document } = window;
const base = new URL(".", document.currentScript.src);
const optional = notice.purposes.filter((purpose) => !purpose.necessary);

// :is() lends the class an id's weight, so that a page's own `button { … !important }` cannot deface the buttons.
const STYLE = `
:is(.gk,#gk#gk){all:initial!important;box-sizing:border-box!important;position:fixed!important;z-index:2147483647!important;
  --ink:#17191c;--soft:#4b5058;--paper:#fff;--line:#83878f;--fill:#1c2733;--on:#fff;color-scheme:light!important;
  font:16px/1.5 system-ui,sans-serif!important;color:var(--ink)!important;background:var(--paper)!important;
  border:1px solid var(--line)!important;overflow:auto!important;overscroll-behavior:contain!important}
@media(prefers-color-scheme:dark){:is(.gk,#gk#gk){--ink:#f1f2f4;--soft:#c2c6cd;--paper:#1b1d21;--line:#8b9099;--fill:#e6e9ee;
  --on:#15171a;color-scheme:dark!important}}
:is(.gk,#gk#gk)[hidden]{display:none!important}
:is(.gk,#gk#gk) *{all:revert!important;box-sizing:border-box!important;max-inline-size:100%!important}
:is(.gk,#gk#gk) *::before,:is(.gk,#gk#gk) *::after{content:none!important}
:is(.gk,#gk#gk) h2{font-size:1.25rem!important;line-height:1.3!important;margin:0 0 .5rem!important;outline:0!important}
:is(.gk,#gk#gk) p{margin:0 0 .5rem!important}
:is(.gk,#gk#gk) :is(h2,p,li,label,legend){min-inline-size:0!important;overflow-wrap:anywhere!important}
:is(.gk,#gk#gk) a{display:inline-block!important;padding-block:.65rem!important;color:inherit!important}
:is(.gk,#gk#gk) .gk-soft{color:var(--soft)!important}
:is(.gk,#gk#gk) .gk-row{display:flex!important;flex-wrap:wrap!important;gap:.75rem!important;margin-block-start:.75rem!important}
:is(.gk,#gk#gk) .gk-row button{flex:1 1 7rem!important;min-inline-size:min-content!important}
:is(.gk,#gk#gk) .gk-head{display:flex!important;justify-content:space-between!important;align-items:start!important;gap:1rem!important}
:is(.gk,#gk#gk) .gk-head button{flex:none!important;max-inline-size:60%!important}
:is(.gk,#gk#gk) button{font:600 1rem/1.25 system-ui,sans-serif!important;min-block-size:44px!important;padding:.5rem .75rem!important;
  color:var(--on)!important;background:var(--fill)!important;border:2px solid var(--fill)!important;border-radius:.5rem!important;
  cursor:pointer!important;overflow-wrap:break-word!important}
:is(.gk,#gk#gk) button.gk-plain{color:var(--ink)!important;background:var(--paper)!important;border-color:var(--line)!important}
:is(.gk,#gk#gk) :focus-visible{outline:3px solid var(--ink)!important;outline-offset:2px!important}
.gk-ask:is(.gk,#gk#gk){display:block!important;inset:auto 0 0!important;max-block-size:min(34rem,80dvh)!important;
  border-width:1px 0 0!important;padding:1.25rem max(1rem,50vw - 32rem) 1rem!important;box-shadow:0 -.25rem 1.5rem #0003!important}
.gk-said:is(.gk,#gk#gk){display:block!important;inset:auto 1rem 5rem!important;margin-inline:auto!important;
  inline-size:fit-content!important;max-inline-size:36rem!important;max-block-size:calc(100dvh - 6rem)!important;padding:1rem 1.25rem!important;
  border-radius:.75rem!important;box-shadow:0 .25rem 1.5rem #0004!important}
:is(.gk,#gk#gk) code{font:600 1.0625rem/1.5 ui-monospace,monospace!important;user-select:all!important}
dialog.gk-box:is(.gk,#gk#gk){inset:0!important;margin:auto!important;inline-size:min(42rem,100vw - 1.5rem)!important;
  block-size:fit-content!important;max-block-size:calc(100dvh - 1.5rem)!important;padding:1.25rem 1.25rem 0!important;border-radius:.75rem!important}
dialog.gk-box[open]:is(.gk,#gk#gk){display:block!important}
dialog.gk-box:is(.gk,#gk#gk)::backdrop{background:#0009!important}
:is(.gk,#gk#gk) fieldset{margin:1rem 0 0!important;padding:.25rem 1rem .75rem!important;border:1px solid var(--line)!important;
  border-radius:.5rem!important;min-inline-size:0!important}
:is(.gk,#gk#gk) legend{font-weight:600!important;padding-inline:.25rem!important}
:is(.gk,#gk#gk) label{display:flex!important;gap:.75rem!important;align-items:center!important;min-block-size:44px!important;cursor:pointer!important}
:is(.gk,#gk#gk) input{flex:none!important;inline-size:1.5rem!important;block-size:1.5rem!important;margin:0!important;accent-color:var(--fill)!important}
:is(.gk,#gk#gk) summary{padding-block:.6rem!important;cursor:pointer!important}
:is(.gk,#gk#gk) ul{margin:0!important;padding-inline-start:1.25rem!important}
:is(.gk,#gk#gk) .gk-end{margin-block-start:1rem!important;padding-block:.25rem 1rem!important;
  background:var(--paper)!important;border-block-start:1px solid var(--line)!important}
@media(min-height:30rem){:is(.gk,#gk#gk) .gk-end{position:sticky!important;inset-block-end:0!important}}
@media print{:is(.gk,#gk#gk){display:none!important}}`;

let asking; // the first layer
let dialog; // the preferences
let said; // what became of a choice
let before; // what had the focus before the visitor came here
let latest = 0; // the last choice made here
let survivors = []; // what could not be removed after it
const room = new CSSStyleSheet();

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

function say(key, values) {
  return strings[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function paragraph(text, kind) {
  return element("p", { class: kind }, text);
}

function button(key, click, kind) {
  return element("button", { type: "button", class: kind, click }, strings[key]);
}

function titles(ids) {
  return list(optional.filter(({ id }) => ids.includes(id)).map(({ title }) => title));
}

/** Joins names into one phrase. Intl.ListFormat would, for its first, read more of its data than all else here costs. */
function list(names) {
  const rest = names.slice(0, -1);
  return (rest.length ? rest.join(strings.list_between) + strings.list_last : "") + names.slice(-1);
}

/** Opens as the guard asks: the question on a first visit, else the preferences. */
function open(how) {
  if (how.notice !== notice.no) return retire();
  if (how.ask && askedBefore()) return;
  how = { ...how, objected: optional.map(({ id }) => id).filter(how.objected) };
  document.adoptedStyleSheets = [...new Set([...document.adoptedStyleSheets, sheet, room])];
  if (how.ask) ask(how);
  else prefer(how);
}

/** Tells whether this tab was asked before, as far as it remembers: where no choice can be kept, it asks once. */
function askedBefore() {
  const note = "gk_asked";
  try {
    return sessionStorage[note];
  } catch {
    const { name } = window;
    window.name ||= note;
    return name === note;
  }
}

/** Leaves the field to the banner of a newer notice. */
function retire() {
  undo();
  close();
}

function close() {
  for (const node of [asking, dialog, said]) if (node) node.remove();
  asking = dialog = said = null;
  room.replaceSync("");
}

/** The first layer: at the end of the window, not modal; the page behind it can be read and used. */
function ask(how) {
  if (asking) return;
  close();
  const all = optional.map(({ id }) => id);
  const others = new Set(notice.trackers.map(({ vendor }) => vendor.id).filter((id) => id !== "self")).size;
  asking = element(
    "div",
    { class: "gk gk-ask", role: "region", "aria-labelledby": "gk-title", lang: language, dir: direction, focusin: remember },
    element("h2", { id: "gk-title" }, strings.title),
    paragraph(say("lead", { site: notice.name, purposes: titles(all), count: others })),
    how.objected.length && [paragraph(element("strong", {}, strings.honoured)), paragraph(say("honoured_for", { purposes: titles(how.objected) }))],
    paragraph(strings.until_then, "gk-soft"),
    element("div", { role: "status" }),
    element(
      "div",
      { class: "gk-row" },
      button("reject_all", () => choose("reject_all", [])),
      button("accept_all", () => choose("accept_all", acceptable(how))),
      button("choose", () => prefer(how), "gk-plain"),
    ),
    element("a", { href: new URL("notice", base) }, strings.notice),
  );
  document.body.prepend(asking);
  // It tells of the first size, too, once the browser has laid out the page anyway: asking for it here would have all of
  // the page laid out one time more.
  const measured = ([{ borderBoxSize }]) => requestAnimationFrame(() => makeRoom(borderBoxSize[0].blockSize));
  new ResizeObserver(measured).observe(asking);
}

/** Keeps the end of the page, and whatever has the focus, clear of the banner (WCAG 2.2, 2.4.11). */
function makeRoom(height) {
  room.replaceSync(
    height ? `:root{scroll-padding-block-end:${height + 16}px!important}:root::after{content:"";display:block;visibility:hidden;block-size:${height}px}` : "",
  );
}

/** What "Accept all" grants: all but what the browser objects to, which has a switch of its own. */
function acceptable({ objected }) {
  return optional.map(({ id }) => id).filter((id) => !objected.includes(id));
}

/** The second layer: one switch for each purpose, off unless the visitor switched it on. */
function prefer(how) {
  if (dialog) return;
  if (!asking) remember({});
  const { choice } = how;
  const granted = choice && choice.state === "granted" ? choice.purposes : [];
  const ticked = () => [...dialog.querySelectorAll("[name=purpose]:checked")].map(({ value }) => value);
  const lifted = () => ticked().filter((id) => how.objected.includes(id));
  const opposes = element("input", { type: "checkbox", name: "objects", checked: choice && choice.objects && "" });
  const objects = () => opposes.checked;
  dialog = element(
    "dialog",
    { class: "gk gk-box", "aria-labelledby": "gk-preferences", lang: language, dir: direction, close: closed },
    element(
      "div",
      { class: "gk-head" },
      element("h2", { id: "gk-preferences", tabindex: -1, autofocus: "" }, strings.preferences),
      button("close", () => dialog.close(), "gk-plain"),
    ),
    paragraph(say("preferences_lead", { controller: notice.controller.name })),
    notice.purposes.map((purpose) => purposeField(purpose, how, granted)),
    notice.anonymous_totals &&
      element("fieldset", {}, element("legend", {}, strings.objects_about), element("label", {}, opposes, strings.objects)),
    element("a", { href: new URL("notice", base) }, strings.notice),
    element(
      "div",
      { class: "gk-end" },
      element("div", { role: "status" }),
      element(
        "div",
        { class: "gk-row" },
        granted.length
          ? button("withdraw_all", () => choose("withdraw", [], [], objects()))
          : button("reject_all", () => choose("reject_all", [], [], objects())),
        button("accept_all", () => choose("accept_all", acceptable(how), [], objects())),
        button("save", () => choose("save", ticked(), lifted(), objects())),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
}

function purposeField({ id, title, description, necessary }, { objected, choice }, granted) {
  const against = objected.includes(id);
  const on = granted.includes(id) && (!against || choice.override.includes(id));
  const rows = notice.trackers.filter(({ purpose }) => purpose === id);
  return element(
    "fieldset",
    {},
    element("legend", {}, title),
    paragraph(description),
    necessary
      ? paragraph(strings.always_on, "gk-soft")
      : [
          against && !on && paragraph(element("strong", {}, strings.honoured)),
          element(
            "label",
            {},
            element("input", { type: "checkbox", name: "purpose", value: id, checked: on && "" }),
            say(against ? "override" : "allow", { title }),
          ),
        ],
    rows.length > 0 &&
      element("details", {}, element("summary", {}, say("recipients", { count: rows.length })), element("ul", {}, rows.map(recipient))),
  );
}

function recipient({ vendor, retention_days, description, justification }) {
  const values = { name: vendor.name, country: vendor.country, days: retention_days, description: justification || description };
  return element("li", {}, say(vendor.id === "self" ? "recipient_self" : "recipient", values));
}

/** Hands a choice to the guard, within the click, and says what became of it. */
async function choose(method, granted, override, objects) {
  const mine = ++latest;
  survivors = [];
  const answer = await gatekeeper.choose({ granted, override, objects, method, language }).catch(() => null);
  if (mine !== latest) return;
  // Not in a box of its own, which would lie over the buttons.
  if (!answer) return (dialog || asking)?.querySelector("[role=status]").replaceChildren(paragraph(strings.failed));
  if (answer.state === "stale") return;
  const focus = before;
  close();
  announce(answer.kept ? kept(answer) : [strings.not_kept]);
  if (focus && focus.isConnected) focus.focus();
}

function kept({ state, until, receipt }) {
  const date = new Date(until).toLocaleDateString(language, { dateStyle: "long", timeZone: "UTC" });
  const lines = [say(`saved_${state}`, { date }), say("change", strings)];
  return receipt ? [...lines, strings.receipt, element("code", {}, receipt.code)] : lines;
}

/** Shows a message that screen readers speak; it stays until it is closed. */
function announce(lines) {
  const status = element("div", { role: "status" });
  said = element(
    "div",
    { class: "gk gk-said", lang: language, dir: direction },
    status,
    button("close", () => said.remove(), "gk-plain"),
  );
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
  said.firstChild.append(paragraph(say("survivors", { names: list(survivors) })), paragraph(strings.survivors_help));
  survivors = [];
}

/** Remembers where the visitor was, to lead back there afterwards. */
function remember({ relatedTarget = document.activeElement }) {
  if (!relatedTarget || !relatedTarget.closest(".gk")) before = relatedTarget;
}

function closed() {
  if (dialog) dialog.remove();
  dialog = null;
}

const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);
let undo = () => {};
function begin() {
  undo = gatekeeper.on("open", open);
  gatekeeper.on("survivors", (names) => {
    survivors = names;
    remain();
  });
  // Another tab may have answered.
  gatekeeper.on("choice", ({ state }) => state !== "none" && asking && close());
}
if (document.body) begin();
else document.addEventListener("DOMContentLoaded", begin);
