// The preferences: each purpose with a switch, and each recipient inside it with one of its own. Off unless the visitor
// switched it on. Joined with dress.js.

const LAYER = `
dialog&.gk-box{inset:0;margin:auto;inline-size:min(44rem,100vw - 1rem);
block-size:fit-content;max-block-size:calc(100dvh - 1rem);padding:1.25rem 1.25rem 0;
border-radius:calc(2*var(--round))}
dialog&.gk-box[open]{display:block}
dialog&.gk-box::backdrop{background:#0009}
& .gk-head{display:flex;justify-content:space-between;align-items:start;gap:1rem}
& .gk-head button{flex:none;max-inline-size:60%;color:var(--ink);
background:var(--paper);border-color:var(--line)}
& fieldset{margin:1rem 0 0;padding:.25rem 1rem .75rem;border:1px solid var(--line);
border-radius:var(--round);min-inline-size:0}
& legend{font-weight:600;padding-inline:.25rem}
& label{display:flex;gap:.75rem;align-items:center;min-block-size:44px;cursor:pointer}
& input{flex:none;inline-size:1.5rem;block-size:1.5rem;margin:0;accent-color:var(--fill)}
& summary{padding-block:.6rem;cursor:pointer}
& ul{margin:0;padding:0;list-style:none}
& li{padding-block:.25rem;border-block-start:1px solid var(--line)}
& li :is(p,label){margin:0;font-size:.9375rem}
& .gk-end .gk-row{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));align-items:stretch}
& .gk-end button:last-child{grid-column:span 2}
@media(max-width:40rem){dialog&.gk-box{padding-inline:.75rem}& .gk-end button{padding:.125rem}}
@media(min-width:40rem){& .gk-end .gk-row{grid-template-columns:repeat(3,minmax(0,1fr))}
& .gk-end button:last-child{grid-column:auto}}
& .gk-end{margin-block-start:1rem;padding-block:.75rem 1rem;
background:var(--paper);border-block-start:1px solid var(--line)}
@media(min-height:30rem){& .gk-end{position:sticky;inset-block-end:0}}`;

const { notice } = TEXTS;

function prefer(how) {
  if (how.ask || shown) return;
  close();
  remember({});
  const { choice } = how;
  const granted = choice && choice.state === "granted";
  const opposes = element("input", { type: "checkbox", checked: choice && choice.objects && "" });
  const answer = (method, wish) => () => choose(method, { ...wish?.(), objects: opposes.checked });
  const fields = notice.purposes.map((purpose) => field(purpose, how));
  shown = box(
    "dialog",
    { class: "gk-box", "aria-labelledby": "gk-preferences", close: () => (shown = shown && shown.remove()) },
    element(
      "div",
      { class: "gk-head" },
      element("h2", { id: "gk-preferences", tabindex: -1, autofocus: "" }, strings.preferences),
      button("close", () => shown.close()),
    ),
    paragraph(say("preferences_lead", notice)),
    fields,
    notice.anonymous_totals &&
      element("fieldset", {}, element("legend", {}, strings.objects_about), element("label", {}, opposes, strings.objects)),
    link(),
    element(
      "div",
      { class: "gk-end" },
      element("div", { role: "status" }),
      element(
        "div",
        { class: "gk-row" },
        button(granted ? "withdraw_all" : "reject_all", answer(granted ? "withdraw" : "reject_all")),
        button("accept_all", answer("accept_all", () => ({ granted: acceptable(how) }))),
        button("save", answer("save", ticked)),
      ),
    ),
  );
  document.body.append(shown);
  shown.showModal();
}

/** What the switches say: purposes, recipients that differ from their purpose, and what lifts an objection. */
function ticked() {
  const boxes = [...shown.querySelectorAll("[data-purpose]")];
  const of = (id) => boxes.find((one) => one.value === id && one.dataset.purpose === id);
  const granted = purposes.map(({ id }) => id).filter((id) => of(id).checked);
  const single = boxes.filter((one) => one !== of(one.dataset.purpose) && one.checked !== of(one.dataset.purpose).checked);
  return {
    granted,
    trackers: Object.fromEntries(single.map(({ value, checked }) => [value, checked])),
    override: granted.filter((id) => "against" in of(id).dataset),
  };
}

/** A purpose: what it is for, its switch, and who receives data for it, each with a switch. */
function field({ id, title, description, necessary }, { objected, choice }) {
  const against = objected(id);
  const granted = choice && choice.state === "granted";
  const on = granted && choice.purposes.includes(id) && (!against || choice.override.includes(id));
  const rows = notice.trackers.filter(({ purpose }) => purpose === id);
  const singles = rows.map((row) => {
    const checked = granted && on !== choice.trackers.includes(row.id) && (!against || on);
    return tick(id, row.id, checked, { disabled: against && !on && "" });
  });
  const whole = tick(id, id, on, { "data-against": against && "" });
  const part = () => {
    whole.indeterminate = whole.checked && singles.some((one) => !one.checked);
  };
  whole.addEventListener("change", () => {
    for (const one of singles) {
      one.checked = whole.checked;
      one.disabled = against && !whole.checked;
    }
    part();
  });
  for (const one of singles) one.addEventListener("change", part);
  part();
  return element(
    "fieldset",
    {},
    element("legend", {}, title),
    paragraph(description),
    necessary
      ? paragraph(strings.always_on, "gk-soft")
      : [
          against && !on && strong(strings.honoured),
          element("label", {}, whole, say(against ? "override" : "allow", { title })),
        ],
    rows.length > 0 &&
      element(
        "details",
        {},
        element("summary", {}, say("recipients", { count: rows.length })),
        element("ul", {}, rows.map((row, at) => recipient(row, !necessary && singles[at]))),
      ),
  );
}

function tick(purpose, value, checked, more) {
  return element("input", { type: "checkbox", "data-purpose": purpose, value, checked: checked && "", ...more });
}

function recipient({ name, country, days, description, keeps }, single) {
  const text = say(country ? "recipient" : "recipient_self", { name, country, days, description });
  return element(
    "li",
    {},
    single ? element("label", {}, single, element("span", {}, text)) : paragraph(text),
    keeps.length > 0 && paragraph(say("keeps", { names: list(keeps) }), "gk-soft"),
  );
}

/** Asks, once a withdrawal has reached the server, what shall become of what was logged. */
function ask(erase) {
  if (!said) return;
  const done = (key) => {
    question.remove();
    if (key) said.firstChild.append(paragraph(strings[key]));
    said.lastChild.focus();
  };
  const question = element(
    "div",
    { role: "group", "aria-labelledby": "gk-erase" },
    element("p", { id: "gk-erase" }, strings.erase_ask),
    element(
      "div",
      { class: "gk-row" },
      button("erase_yes", () => erase().then(() => done("erased"), () => done("erase_failed"))),
      button("erase_no", () => done()),
    ),
  );
  // A question is more than a message: it has to be found among the page's landmarks.
  Object.assign(said, { role: "region", ariaLabel: strings.preferences });
  said.insertBefore(question, said.lastChild);
}

serve(prefer, LAYER);
gatekeeper.on("logged", ask);
