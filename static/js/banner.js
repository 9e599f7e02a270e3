// The banner: asks on a first visit, and again when there is something new to ask. It is not a wall: the page behind it
// can be read and used, and nothing but its buttons answers. Joined with dress.js.

const LAYER = `
&.gk-ask{display:grid!important;grid-template-columns:minmax(0,1fr)!important;grid-template-rows:minmax(2.5rem,auto)!important;
  gap:.5rem!important;max-block-size:80dvh!important;padding:.75rem 1rem!important;box-shadow:0 -4px 24px #0003!important}
&.gk-bottom{inset:auto 0 0!important;border-width:1px 0 0!important;padding-inline:max(1rem,50vw - 40rem)!important}
& .gk-text{overflow:auto!important;min-block-size:0!important}
& [role=status]:empty{display:none!important}
& .gk-row.gk-last{gap:0 1rem!important}
& select{font:inherit!important;min-block-size:44px!important;max-inline-size:8rem!important;color:inherit!important;
  background:var(--paper)!important;border:1px solid var(--line)!important;border-radius:var(--round)!important}
@media(min-width:40rem){&:is(.gk-corner,.gk-centre){border-radius:calc(2*var(--round))!important;padding:1.25rem!important;
    inset:auto 1rem 1rem auto!important;inline-size:25rem!important}
  &.gk-centre{inset:0!important;margin:auto!important;inline-size:32rem!important;block-size:fit-content!important}}
@media(min-width:60rem){&.gk-bottom{grid-template-columns:minmax(0,1fr) 32rem!important;gap:.25rem 3rem!important;align-items:center!important}
  &.gk-bottom .gk-text{grid-row:span 3!important}}
@media(max-width:40rem){
  &.gk-ask{inset:auto 0 0!important;border-width:1px 0 0!important;gap:.375rem .75rem!important;padding:.625rem .75rem!important;
    grid-template-columns:repeat(2,minmax(0,1fr))!important;max-block-size:min(80dvh,max(40dvh,15rem))!important}
  &.gk-ask>:is(.gk-text,[role=status]){grid-column:span 2!important}
  &.gk-ask>.gk-row{display:contents!important}
  &.gk-ask>.gk-last{display:flex!important;flex-flow:column!important}
  &.gk-ask :is(p,li,a,select){font-size:.8125rem!important;line-height:1.3!important;margin-block-end:.125rem!important}
  &.gk-ask h2{font-size:.9375rem!important;margin:0!important}
  &.gk-ask button{padding:.125rem!important}
  &.gk-ask a{padding-block:.25rem!important}
  &.gk-ask select{min-block-size:1.5rem!important;margin:0!important}
  &.gk-ask a:only-child{padding-block:.9rem!important}}`;

const room = new CSSStyleSheet();

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

function ask(how) {
  if (how.ask !== true || shown || askedBefore()) return;
  close();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, room];
  const objected = against(how).map(({ title }) => title);
  const news = how.choice && TEXTS.changes[how.choice.notice];
  shown = box(
    "div",
    { class: `gk-ask gk-${look.position}`, role: "region", "aria-labelledby": "gk-title", focusin: remember },
    element(
      "div",
      { class: "gk-text" },
      element("h2", { id: "gk-title" }, strings.title),
      news && [paragraph(strings.changed), element("ul", {}, news.map((text) => element("li", {}, text)))],
      paragraph(say("lead", { site, purposes: list(purposes.map(({ title }) => title)), count: TEXTS.companies })),
      objected.length && [strong(strings.honoured), paragraph(say("honoured_for", { purposes: list(objected) }))],
      paragraph(strings.until_then, "gk-soft"),
    ),
    element("div", { role: "status" }),
    element(
      "div",
      { class: "gk-row" },
      button("reject_all", () => choose("reject_all", {})),
      button("accept_all", () => choose("accept_all", { granted: acceptable(how) })),
      button("choose", () => gatekeeper.open()),
    ),
    element("div", { class: "gk-row gk-last" }, link(), languages()),
  );
  document.body.prepend(shown);
  // It tells of the first size, too, once the browser has laid out the page anyway: asking for it here would have all of
  // the page laid out one time more.
  new ResizeObserver(([{ borderBoxSize }]) => requestAnimationFrame(() => fit(borderBoxSize[0].blockSize))).observe(shown);
}

/** Keeps the end of the page, and whatever has the focus, clear of the banner (WCAG 2.2, 2.4.11). */
function fit(height) {
  const over = shown && (look.position === "bottom" || innerWidth < 640);
  room.replaceSync(
    over ? `:root{scroll-padding-block-end:${height + 16}px!important}:root::after{content:"";display:block;visibility:hidden;block-size:${height}px}` : "",
  );
  const text = shown?.firstChild;
  // Whoever has no mouse can scroll only what can have the focus.
  if (text) text.tabIndex = text.scrollHeight > text.clientHeight ? 0 : -1;
}

/** Says in one line that there is a new notice, to those who are asked nothing. */
function tell(dismiss) {
  const changes = element("a", { href: new URL(`notice?lang=${language}#changes`, base) }, strings.see_changes);
  const closed = () => {
    dismiss();
    said.remove();
  };
  said = box("div", { class: "gk-said" }, element("div", { role: "status" }, paragraph(strings.news), changes), button("close", closed));
  document.body.append(said);
}

serve(ask, LAYER);
gatekeeper.on("news", tell);
// Another tab may have answered, or the preferences.
gatekeeper.on("choice", ({ state }) => {
  if (state === "none" || !shown) return;
  shown.remove();
  shown = null;
});
