// On a site that children use: how old its visitor is, before anything else is asked; and for a child, words of its own.
// Joined between dress.js and a layer, neither of which knows of ages: a site for everybody has nothing of this.

const SCREEN = `
& .gk-ages{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(7rem,100%),1fr));
  gap:0 .75rem;margin-block-end:.5rem}
& .gk-ages label{display:flex;gap:.75rem;align-items:center;min-block-size:44px;
  cursor:pointer}
& .gk-ages input{flex:none;inline-size:1.5rem;block-size:1.5rem;margin:0;
  accent-color:var(--fill)}
dialog&.gk-box form+.gk-row{padding-block-end:.75rem}
@media(max-width:40rem){&.gk-ask>form,&.gk-ask>form+.gk-row,&.gk-ask>.gk-row>:only-child{grid-column:span 2}
  &.gk-ask:has(form){max-block-size:80dvh}}`;
const ADULT = 18;

const { bands } = TEXTS.age; // by each band's youngest age: what it may allow, whom that concerns, what takes a second step
Object.assign(strings, TEXTS.age.strings);
let band; // the visitor's, as far as it is known: the youngest that anybody said

// A layer, or the same one in another language, does not ask again what another of this page has asked.
gatekeeper.on("age", (said) => said.push(band));

/** Learns the visitor's age band from the choice and from this page's other layers, and keeps to what it may allow. */
function learn({ choice }) {
  const said = [band, choice?.age_band];
  document.dispatchEvent(new CustomEvent("gatekeeper:age", { detail: said }));
  const ages = said.filter((age) => age != null);
  if (!ages.length) return;
  band = Math.min(...ages);
  const mayAllow = ({ id }) => bands[band].purposes.includes(id);
  purposes.splice(0, Infinity, ...purposes.filter(mayAllow));
  TEXTS.companies = bands[band].companies;
  if (TEXTS.notice) TEXTS.notice.purposes = TEXTS.notice.purposes.filter((one) => one.necessary || mayAllow(one));
}

/** Puts something else into the open layer. */
function put(title, lines, ...rest) {
  const heading = element("h2", { id: shown.getAttribute("aria-labelledby") }, strings[title]);
  const text = element("div", { class: "gk-text" }, heading, lines.map((line) => paragraph(line)));
  shown.replaceChildren(text, element("div", { role: "status" }), ...rest.filter(Boolean));
}

/** Leads whoever is in the open layer to what is new in it. */
function arrive() {
  const heading = shown.querySelector("h2");
  heading.tabIndex = -1;
  heading.focus();
}

/** Asks in the open layer how old its visitor is. Nothing hints at what follows from an answer. */
function askAge(how, open) {
  const asking = [...shown.childNodes];
  const answers = Object.keys(bands).map((age) => [age, element("input", { type: "radio", name: "gk-age", required: "" })]);
  const submit = (event) => {
    event.preventDefault();
    const [age] = answers.find(([, { checked }]) => checked);
    band = Math.min(band ?? ADULT, age);
    if (band < ADULT) return keep(how, open);
    shown.replaceChildren(...asking);
    arrive();
  };
  put(
    "age_title",
    [strings.age_lead],
    element(
      "form",
      { submit },
      element(
        "div",
        { class: "gk-ages", role: "radiogroup", "aria-labelledby": shown.getAttribute("aria-labelledby") },
        answers.map(([age, radio]) => element("label", {}, radio, strings[`age_${age}`])),
      ),
      element(
        "div",
        { class: "gk-row gk-end" },
        element("button", {}, strings.age_continue),
        shown.open && button("close", () => shown.close()),
      ),
    ),
    element("div", { class: "gk-row gk-last" }, languages()),
  );
  if (shown.open) arrive();
}

/** Keeps a minor's age band with a refusal, so that no page asks again; then asks what may be asked at that age. */
async function keep(how, open) {
  const layer = shown;
  const answer = await gatekeeper.choose({ age_band: band }).catch(() => null);
  if (!answer) return layer.querySelector("[role=status]").replaceChildren(paragraph(strings.failed));
  // The banner closes once there is a choice; whoever closed the preferences meanwhile has left.
  if (how.ask) document.body.prepend((shown = layer));
  else if (!shown) return;
  learn(how);
  if (!purposes.length) return comfort();
  const came = before;
  close();
  open(how);
  before = came;
  if (shown) arrive();
  else announce([strings.not_kept]);
}

/** Tells a child what holds for it. */
function comfort() {
  put("child_title", [strings.child_lead, strings.child_ask], element("div", { class: "gk-row gk-end" }, button("close", leave)));
  arrive();
}

function leave() {
  if (shown.open) return shown.close();
  close();
  const known = before && before !== document.body && before.isConnected;
  (known ? before : document.querySelector("[data-gk-open]"))?.focus();
}

// Who is between 13 and 15 allows a sale in two steps (11 CCR 7071). The grant is the second click.
const record = choose;
choose = (method, wish = {}) => {
  const next = { ...wish, age_band: band };
  const twice = purposes.filter(({ id }) => bands[band].twice.includes(id) && grants(id, next));
  if (!twice.length) return record(method, next);
  const less = without(twice.map(({ id }) => id), next);
  const titles = twice.map(({ title }) => title);
  put(
    "sure_title",
    [say("sure_lead", { purposes: list(titles) })],
    element(
      "div",
      { class: "gk-row gk-end" },
      button("sure_yes", () => record(method, next)),
      button("sure_no", () => record(method, less)),
    ),
  );
  arrive();
};

/** The purpose of a recipient; only the preferences know single ones. */
function purposeOf(tracker) {
  return TEXTS.notice.trackers.find(({ id }) => id === tracker).purpose;
}

/** Tells whether a wish grants anything of a purpose. */
function grants(id, { granted = [], trackers = {} }) {
  return granted.includes(id) || Object.keys(trackers).some((one) => trackers[one] && purposeOf(one) === id);
}

/** What is left of a wish without some purposes. */
function without(ids, { granted = [], trackers = {}, override = [], ...wish }) {
  const others = (one) => !ids.includes(one);
  const answers = Object.entries(trackers).filter(([one]) => others(purposeOf(one)));
  return { ...wish, granted: granted.filter(others), trackers: Object.fromEntries(answers), override: override.filter(others) };
}

const begin = serve;
serve = (open, layer) =>
  begin((how) => {
    if (shown) return;
    learn(how);
    open(how);
    if (!shown) return;
    if (band == null) askAge(how, open);
    else if (!purposes.length) comfort();
  }, layer + SCREEN);
