// The banner: asks on a first visit, and again when there is something new to ask. It is not a wall: the page behind it
// can be read and used, and nothing but its buttons answers. Joined with dress.js.

const LAYER = `
&.gk-ask{display:grid;grid-template-columns:minmax(0,1fr);grid-template-rows:minmax(2.5rem,1fr);
gap:.5rem;max-block-size:80dvh;padding:.75rem 1rem;box-shadow:0 -4px 24px #0003}
&.gk-bottom{inset:auto 0 0;border-width:1px 0 0;padding-inline:max(1rem,50vw - 40rem)}
& .gk-text{overflow:auto;min-block-size:0}
& ul{margin:0;padding-inline-start:1.25rem}
& [role=status]:empty{display:none}
& .gk-row.gk-last{gap:0 1rem}
& select{font:inherit;min-block-size:44px;max-inline-size:8rem;color:inherit;
background:var(--paper);border:1px solid var(--line);border-radius:var(--round)}
@media(min-width:40rem){&:is(.gk-corner,.gk-centre){border-radius:calc(2*var(--round));padding:1.25rem;
inset:auto 1rem 1rem auto;inline-size:25rem}
&.gk-centre{inset:0;margin:auto;inline-size:32rem;block-size:fit-content}}
@media(min-width:60rem){&.gk-bottom{grid-template-columns:minmax(0,1fr) 32rem;grid-template-rows:none;gap:.25rem 3rem;align-items:center}
&.gk-bottom .gk-text{grid-row:span 3}}
@media(max-width:40rem){
&.gk-ask{inset:auto 0 0;border-width:1px 0 0;gap:.375rem .75rem;padding:.625rem .75rem;
grid-template-columns:repeat(2,minmax(0,1fr));max-block-size:min(80dvh,max(40dvh,15rem))}
&.gk-ask>:is(.gk-text,[role=status]){grid-column:span 2}
&.gk-ask>.gk-row{display:contents}
&.gk-ask>.gk-last{display:flex;flex-flow:column}
&.gk-ask :is(p,li,a,select){font-size:.8125rem;line-height:1.3;margin-block-end:.125rem}
&.gk-ask h2{font-size:.9375rem;margin:0}
&.gk-ask button{padding:.125rem}
&.gk-ask a{padding-block:.25rem}
&.gk-ask select{min-block-size:1.5rem;margin:0}
&.gk-ask a:only-child{padding-block:.9rem}}`;

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
  const put = () => shown && show(how.wanted);
  // The page's first frame with the banner in it would be a task that blocks on a slow phone, so the banner takes the next.
  if (how.wanted || performance.getEntriesByType("paint").length) put();
  else requestAnimationFrame(() => requestAnimationFrame(put));
}

function show(focused) {
  document.body.prepend(shown);
  if (focused) shown.querySelector("select").focus();
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
