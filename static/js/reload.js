// Loading the page again, for what is granted but beyond its policies (`on_grant = "reload"`), where nothing is lost by it.
// Of the part "page"; see choose.js.

const { navigation } = window;
const { replaceState } = history;

/** Tells whether something granted lies beyond this document's policies. */
function beyond() {
  return Object.keys(SETTINGS.trackers).some((id) => decision(id).allowed && !reachable(id));
}

/**
 * Loads the page again. Chromium then says that the page came from itself, so what it came from is left with the entry
 * in the tab's history, where this part finds it; and sends again what a form sent, unless the entry is written anew.
 */
function reload() {
  const state = navigation?.currentEntry?.getState();
  apply(replaceState, history, [history.state, ""]);
  if (navigation?.currentEntry) navigation.updateCurrentEntry({ state: { gk_referrer: document.referrer, state } });
  location.reload();
}

// It holds for this page, before anything that was held runs, and is not kept.
const left = navigation?.currentEntry?.getState();
if (left?.gk_referrer != null) {
  Reflect.defineProperty(document, "referrer", { value: left.gk_referrer });
  navigation.updateCurrentEntry({ state: left.state ?? null });
}

let typed = false; // also where nobody can look: in closed shadow trees
addEventListener("input", ({ target }) => (typed ||= !ofBanner(target)), true);

function ofBanner(node) {
  return !!node.closest?.(".gk");
}

/** Tells whether loading the page again loses nothing and sends nothing twice. In doubt, it does not. */
function mayReload() {
  if (typed || guard.listed(SETTINGS.gate.no_reload) || filled(document)) return false;
  const [entry] = performance.getEntriesByType("navigation");
  const method = entry?.serverTiming?.find(({ name }) => name === "gk")?.description;
  const outside = !document.referrer || new URL(document.referrer).origin !== location.origin;
  return method ? method === "GET" : outside;
}

/** Tells whether anything was filled in: in a document, its frames, and its open shadow trees. */
function filled(root) {
  return [...root.querySelectorAll("*")].some((node) => {
    const within = node.shadowRoot || node.contentDocument;
    return (edited(node) && !ofBanner(node)) || (within && filled(within));
  });
}

function edited(node) {
  const { localName, type, value, defaultValue, checked, defaultChecked } = node;
  if (node.isContentEditable) return node.textContent.trim() !== "";
  if (localName === "select") {
    const options = [...node.options];
    const begun = options.some(({ defaultSelected }) => defaultSelected); // else it begins with its first
    return options.some(({ selected, defaultSelected }, index) => selected && !defaultSelected && (begun || index > 0));
  }
  if (localName !== "input" && localName !== "textarea") return false;
  if (type === "checkbox" || type === "radio") return checked !== defaultChecked;
  return type !== "hidden" && value !== defaultValue;
}
