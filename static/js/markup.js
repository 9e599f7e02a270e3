// Loaded where a page is written for another consent tool: reads that tool's markup as ours, in place, answers what its
// code waits for, and takes over an earlier refusal. It never grants, and says only what decide() says. What it cannot
// match with declared trackers stays as it was found, inert. A part of the guard: `guard` is its inside.

const { SETTINGS, decision } = guard;
const { allows } = gatekeeper;
const { vendors, back } = TEXTS; // by tracker, what its vendor is called; the words of the way back to the banner
const DAY = 86400000; // milliseconds

/* ---- What others call our purposes ---- */

const WORDS = {
  necessary: "necessary strictlynecessary essential required c0001",
  functional: "functional functionality preference preferences experience c0003",
  analytics: "analytics analytical statistic statistics performance measurement c0002",
  marketing: "marketing advertising advertisement advertisingpersonalization ads targeting social socialmedia c0004 c0005",
};
const GROUPS = ["c0001", "c0002", "c0003", "c0004", "c0005"]; // as OneTrust numbers them

/** Returns a name as people mean it: "Google Analytics", "googleAnalytics" and "google-analytics" are one. */
function plain(name) {
  return name.toLowerCase().replace(/[^\p{L}\d]/gu, "");
}

/** Returns the purpose that a category means; none where the site declares no such. */
function purposeOf(category) {
  const { purposes } = SETTINGS;
  if (Object.hasOwn(purposes, category)) return category;
  const word = plain(category).replace(/cookies$/, "");
  return Object.keys(WORDS).find((id) => Object.hasOwn(purposes, id) && WORDS[id].split(" ").includes(word));
}

function allowed(category) {
  const purpose = purposeOf(category);
  return !!purpose && allows(purpose);
}

/** Returns the trackers that a service or vendor is declared as; Didomi writes vendors "c:name-Ab12Cd34". */
function named(name) {
  const word = plain(name.replace(/^c:(.+)-\w{8}$/, "$1").replace(/^\w+:/, ""));
  return Object.keys(vendors).filter((id) => [id, ...vendors[id]].some((one) => plain(one) === word));
}

/** Tells whether what others call a service may fire. */
function served(name) {
  const ids = named(name);
  return ids.length > 0 && ids.every((id) => decision(id).allowed);
}

/* ---- Reading a tag ---- */

const TAGS =
  ':is(script[type="text/plain"],[data-src],[data-href]):is([data-category],[data-cookiecategory],[data-name],' +
  '[data-cookieconsent],[data-cookie-consent],[data-c15t-category],[data-usercentrics],[class*="optanon-category"],' +
  '[class*="ot-vscat"],[data-gk-read]),template[data-gk-read],[type="opt-in"],[type^="didomi/"],[data-cookieblock-src],' +
  "[data-uc-src],[uc-src]";
const warned = new WeakSet();

/** Returns the categories and the services that a tag names. */
function read(tag) {
  const { dataset } = tag;
  const { category, cookiecategory, cookieconsent, cookieConsent, c15tCategory } = dataset;
  const lists = [category, cookiecategory, cookieconsent, cookieConsent, c15tCategory];
  const classes = (tag.getAttribute("class") || "").match(/(?:optanon-category|ot-vscat)(?:-[\w,]+)+/g) || [];
  const groups = classes.flatMap((name) => name.split(/-|,/).slice(2)).map((id) => id.replace(/^0*(\d)$/, "C000$1"));
  const didomi = /^didomi/.test(tag.type) || dataset.gkRead === "didomi";
  // Every vendor of Didomi's needs "cookies": to keep anything in the browser at all.
  const purposes = didomi ? words(dataset.purposes).filter((id) => id !== "cookies") : [];
  const categories = [...lists.flatMap(words), ...groups, ...purposes];
  const { service, usercentrics, vendor, vendorRaw, c15tVendor } = dataset;
  const name = !categories.length && dataset.name; // Klaro knows no categories; elsewhere a name may be anything
  return { categories, services: [service, usercentrics, vendor, vendorRaw, c15tVendor, name].filter(Boolean), didomi };
}

function words(list) {
  return (list || "").split(/[\s,]+/).filter(Boolean);
}

/**
 * Returns the trackers that all have to be allowed before a tag may run, none where that cannot be told: those it
 * names, those whose hosts it names, and for a category that none of these serves, every tracker of that purpose.
 */
function needs(tag) {
  const { trackers } = SETTINGS;
  const { categories, services } = read(tag);
  const purposes = categories.map(purposeOf);
  // "!analytics" means: when analytics is refused. Nothing runs because of a refusal.
  if ([...categories, ...services].some((name) => name[0] === "!")) return [];
  const address = sourceOf(tag);
  const found = new Set([...services.map(named), hosted(tag, address)].flatMap((ids) => fitting(ids, purposes)));
  if (!found.size && (services.length || (address && !own(address)))) return [];
  for (const purpose of purposes) {
    const serving = Object.keys(trackers).filter((id) => trackers[id].purpose === purpose);
    if (!serving.length) return [];
    if (!serving.some((id) => found.has(id))) for (const id of serving) found.add(id);
  }
  return [...found];
}

/** Where a host or a vendor serves several trackers, a tag's category tells which are meant. */
function fitting(ids, purposes) {
  const { trackers } = SETTINGS;
  const meant = ids.filter((id) => purposes.includes(trackers[id].purpose));
  return meant.length ? meant : ids;
}

/** Returns the trackers to which a tag's address belongs, or whose hosts the text of an inline script names. */
function hosted(tag, address) {
  const { trackers } = SETTINGS;
  const text = (!address && (tag.text ?? tag.innerHTML)) || "";
  const names = ({ hosts = [] }) => hosts.some((host) => text.includes(host.replace("*", "")));
  return Object.keys(trackers).filter((id) => (address ? guard.serves(id, address) : names(trackers[id])));
}

/** Returns where a tag would load from; nothing for an inline script. */
function sourceOf(tag) {
  const source = SOURCES.map((name) => tag.getAttribute(name)).find(Boolean);
  return source && new URL(source, document.baseURI);
}

function own(url) {
  return /^http/.test(url.protocol) && [location.host, ...SETTINGS.gate.hosts].some((host) => guard.fits(host, url));
}

/* ---- Writing it as ours ---- */

const SOURCES = ["data-src", "data-href", "data-cookieblock-src", "data-uc-src", "uc-src", "src"];

/** Marks a tag as ours are marked, for the tracker that still keeps it from running, so that the scan holds it. */
function mark(tag) {
  let ids = [];
  try {
    ids = needs(tag);
  } catch {
    // An address that is none.
  }
  if (!ids.length) return leave(tag);
  const id = ids.find((one) => !decision(one).allowed || !guard.reachable(one)) || ids[0];
  const { didomi } = read(tag);
  if (tag.type === "didomi/html") tag = fold(tag);
  if (!tag) return;
  if (tag.dataset.gk && tag.dataset.gkTracker === id) return;
  if (tag.localName === "script") tag.type = "text/plain";
  rename(tag);
  Object.assign(tag.dataset, { gk: SETTINGS.trackers[id].purpose, gkTracker: id, gkRead: didomi ? "didomi" : "" });
}

/** Leaves a tag as it is: it does nothing by itself. */
function leave(tag) {
  if (tag.hasAttribute("data-gk-read")) tag.removeAttribute("data-gk");
  // Lazily loaded images of the site's own have attributes of the same names.
  if (warned.has(tag) || tag.localName === "img") return;
  warned.add(tag);
  console.warn("gatekeeper: held, as no declared tracker fits", tag);
}

/** Has the address where ours have it. */
function rename(tag) {
  for (const name of SOURCES.slice(2)) {
    const source = tag.getAttribute(name);
    if (!source || (name === "src" && tag.localName !== "script")) continue;
    tag.dataset.src ||= source;
    tag.removeAttribute(name);
  }
}

/** Makes a template of HTML that is kept in a script, once all of it is there; in it, nothing loads. */
function fold(tag) {
  if (document.readyState === "loading") return null;
  const template = document.createElement("template");
  try {
    template.innerHTML = tag.text;
  } catch {
    return null; // The page wants Trusted Types.
  }
  const box = template.content.ownerDocument.createElement("div");
  box.append(...template.content.childNodes);
  template.content.append(box);
  for (const { name, value } of tag.attributes) {
    if (name.startsWith("data-")) template.setAttribute(name, value);
    if (name !== "type") box.setAttribute(name, value);
  }
  tag.replaceWith(template);
  return template;
}

/* ---- Ways back to the banner ---- */

const REOPEN =
  '[data-cc="show-preferencesModal"],[data-cc="show-consentModal"],[data-cc="c-settings"],.ot-sdk-show-settings,' +
  '.optanon-show-settings,[data-c15t-action="customize"],probo-settings-link';

/** Has the page's own links open our banner: the guard looks for `data-gk-open`. */
function reopen() {
  for (const link of document.querySelectorAll(`:is(${REOPEN}):not([data-gk-open])`)) {
    link.dataset.gkOpen = "";
    if (link.localName === "probo-settings-link") button(link);
  }
}

/** An element of the other tool's own does nothing without it: a button in it takes the keyboard. */
function button(link) {
  const inner = document.createElement("button");
  inner.type = "button";
  inner.append(...link.childNodes);
  if (!inner.textContent.trim()) inner.textContent = back;
  link.append(inner);
}

/* ---- What is shown with a grant, or without ---- */

const sheet = new CSSStyleSheet();
let shown; // the rules in it

/** Hides what Cookiebot and Klaro show only with consent and is denied, and only without and is allowed. */
function show() {
  const states = ["preferences", "statistics", "marketing"].map((category) => [`-${category}`, allowed(category)]);
  states.push(["", states.every(([, yes]) => yes)]);
  const hidden = states.map(([suffix, yes]) => `.cookieconsent-${yes ? "optout" : "optin"}${suffix}`);
  for (const { dataset } of document.querySelectorAll('[data-type="placeholder"][data-name]'))
    if (served(dataset.name)) hidden.push(`[data-type="placeholder"][data-name="${CSS.escape(dataset.name)}"]`);
  const rules = `${hidden}{display:none!important}`;
  if (rules === shown) return;
  sheet.replaceSync(rules);
  if (!shown) document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  shown = rules;
}

/* ---- What the page's code waits for ---- */

const open = () => gatekeeper.open();
const refuse = () => gatekeeper.choose();
const answered = () => !!guard.choice();

/** Says something to the page: to a function of this name, if there is one, then as an event of the window. */
function call(name, ...args) {
  try {
    if (typeof window[name] === "function") window[name](...args);
  } catch (error) {
    reportError(error);
  }
}

function say(name, detail) {
  dispatchEvent(new CustomEvent(name, { detail }));
}

/** Tells whether nothing of the other tool's is there under a name; an element with that id does not count. */
function free(name) {
  return window[name] === undefined || window[name] instanceof Node;
}

function give(name, value) {
  if (free(name)) Object.defineProperty(window, name, { value, configurable: true, writable: true });
}

/** By product: what tells that a page is written for it, and what it then gets; `change` hears of every choice. */
const PRODUCTS = {
  cookiebot: {
    found: '[data-cookieconsent],[data-cookieblock-src],[class*="cookieconsent-opt"],#Cookiebot,[href*="Cookiebot."]',
    give() {
      if (!free("Cookiebot")) return {};
      const none = () => {};
      const consent = {
        stamp: "0",
        necessary: true,
        get preferences() {
          return allowed("preferences");
        },
        get statistics() {
          return allowed("statistics");
        },
        get marketing() {
          return allowed("marketing");
        },
      };
      const api = {
        ...{ consent, renew: open, show: open, submitCustomConsent: open, withdraw: refuse },
        ...{ hide: none, runScripts: none },
        get hasResponse() {
          return answered();
        },
        get consented() {
          return consent.preferences || consent.statistics || consent.marketing;
        },
        get declined() {
          return answered() && !api.consented;
        },
      };
      give("Cookiebot", api);
      const tell = (name) => {
        call(`CookiebotCallback_${name}`);
        say(`Cookiebot${name}`);
      };
      return {
        ready: () => tell("OnLoad"),
        change() {
          if (!answered()) return;
          tell(api.consented ? "OnAccept" : "OnDecline");
          // After the scan has run what this choice allows.
          setTimeout(() => ["OnTagsExecuted", "OnConsentReady"].forEach(tell));
        },
      };
    },
  },
  onetrust: {
    found:
      '[class*="optanon-category"],[class*="ot-vscat"],.ot-sdk-show-settings,.optanon-show-settings,[data-domain-script]',
    waits: "OptanonWrapper",
    give() {
      if (window.OneTrust?.OnConsentChanged) return {};
      const groups = () => GROUPS.filter(allowed).map((id) => id.toUpperCase());
      const active = () => `,${groups().join()},`;
      for (const name of ["OnetrustActiveGroups", "OptanonActiveGroups"])
        Object.defineProperty(window, name, { get: active, set() {}, configurable: true });
      const api = {
        ...(free("OneTrust") ? {} : window.OneTrust), // the page's settings for it
        ToggleInfoDisplay: open,
        IsAlertBoxClosed: answered,
        IsAlertBoxClosedAndValid: answered,
        OnConsentChanged: (fn) => addEventListener("consent.onetrust", fn),
        GetDomainData: () => ({
          ShowAlertNotice: true,
          ConsentModel: { Name: "opt-in" },
          Groups: GROUPS.map((id) => ({ CustomGroupId: id.toUpperCase() })),
        }),
        RejectAll: refuse,
        AllowAll: open,
      };
      window.OneTrust = window.Optanon = api;
      const log = (event, name) => (window.dataLayer ||= []).push({ event, [name]: active() });
      log("OneTrustLoaded", "OnetrustActiveGroups");
      log("OptanonLoaded", "OptanonActiveGroups");
      const tell = () => {
        call("OptanonWrapper");
        log("OneTrustGroupsUpdated", "OnetrustActiveGroups");
        say("OneTrustGroupsUpdated", groups());
      };
      return {
        ready() {
          // A file that loads late may bring it.
          if (!window.OptanonWrapper) addEventListener("load", () => call("OptanonWrapper"), { once: true });
          tell();
        },
        change(first) {
          if (first) return;
          say("consent.onetrust", groups());
          tell();
        },
      };
    },
  },
  cookieconsent: {
    found: ":is(script,iframe)[data-category],[data-cookiecategory],[data-cc]",
    give() {
      if (!free("CookieConsent") || !free("initCookieConsent")) return {};
      const accepted = (service, category) => (named(service).length ? served(service) : allowed(category || ""));
      give("CookieConsent", {
        run: async () => {},
        show: open,
        showPreferences: open,
        hide() {},
        hidePreferences() {},
        acceptedCategory: allowed,
        acceptedService: accepted,
        validConsent: answered,
      });
      give("initCookieConsent", () => ({ run() {}, show: open, showSettings: open, allowedCategory: allowed }));
      return {
        change(first, asked) {
          if (!answered()) return;
          if (first || asked) say("cc:onConsent", {});
          if (!first) say(asked ? "cc:onFirstConsent" : "cc:onChange", {});
        },
      };
    },
  },
  klaro: {
    found: ":is(script,iframe,link,img,[data-type=placeholder])[data-name]",
    give() {
      if (!free("klaro")) return {};
      const watchers = new Set();
      const manager = {
        getConsent: served,
        watch: (watcher) => watchers.add(watcher),
        unwatch: (watcher) => watchers.delete(watcher),
        get consents() {
          return Object.fromEntries(Object.keys(vendors).map((id) => [id, decision(id).allowed]));
        },
        get confirmed() {
          return answered();
        },
      };
      give("klaro", { show: open, getManager: () => manager });
      return {
        change(first) {
          if (!first) for (const watcher of watchers) watcher.update(manager, "consents", manager.consents);
        },
      };
    },
  },
  usercentrics: {
    found: "[data-usercentrics],[uc-src],[data-uc-src],[href*='UC_UI.']",
    give() {
      give("UC_UI", { isInitialized: () => true, showFirstLayer: open, showSecondLayer: open });
      give("__ucCmp", { isInitialized: async () => true, showFirstLayer: open, showSecondLayer: open });
      return {};
    },
  },
  didomi: {
    found: '[type^="didomi/"],[data-gk-read=didomi],[href*="Didomi."]',
    give() {
      give("Didomi", { notice: { show: open }, preferences: { show: open } });
      return {};
    },
  },
};

const answering = new Map(); // product -> what it hears
let chosen = answered();

/** Answers for the products that the page is written for, or that it asks for by `data-gk-answers`. */
function answer() {
  const asked = words(document.querySelector("[data-gk-answers]")?.dataset.gkAnswers);
  for (const [name, { found, waits, give }] of Object.entries(PRODUCTS)) {
    const wanted = () => asked.includes(name) || typeof window[waits] === "function" || document.querySelector(found);
    if (answering.has(name) || !wanted()) continue;
    const heard = give();
    answering.set(name, heard);
    gatekeeper.on("ready", () => {
      heard.ready?.();
      heard.change?.(true);
    });
  }
}

gatekeeper.on("choice", () => {
  if (shown) show();
  const first = !chosen;
  chosen = answered();
  for (const { change } of answering.values()) change?.(false, first);
});

/* ---- An earlier refusal ---- */

/** By cookie: whether it says that everything but what is necessary was refused, and when (milliseconds). */
const EARLIER = {
  cc_cookie(text) {
    const told = JSON.parse(text);
    const { categories = told.level, services = {} } = told;
    const kept = Object.keys(services).filter((category) => services[category].length);
    const at = told.lastConsentTimestamp || told.consentTimestamp || told.last_consent_update || told.consent_date;
    return [[...categories, ...kept].every(necessary), at];
  },
  klaro: (text) => [onlyNecessary(JSON.parse(text))],
  probo_consent: (text) => [onlyNecessary(JSON.parse(text).data)],
  CookieConsent(text) {
    const refused = ["preferences", "statistics", "marketing"].every((name) => text.includes(`${name}:false`));
    return [refused && !text.includes("method:'implied'"), +text.match(/utc:(\d+)/)[1]];
  },
  OptanonConsent(text, jar) {
    const groups = new URLSearchParams(text).get("groups").split(",");
    const states = Object.fromEntries(groups.map((group) => [group.split(":")[0], group.endsWith(":1")]));
    // It is there from the first page on; this one comes when the visitor has closed the question.
    return [onlyNecessary(states), jar.get("OptanonAlertBoxClosed")[0]];
  },
  c15t(text) {
    const pairs = text.split(",").map((pair) => pair.split(":"));
    const granted = pairs.filter(([name, yes]) => name.startsWith("c.") && yes !== "0").map(([name]) => name.slice(2));
    return [granted.every(necessary), +Object.fromEntries(pairs)["i.t"]];
  },
  didomi_token(text) {
    const { purposes, vendors: told, purposes_li, vendors_li, updated } = JSON.parse(atob(text));
    const all = [purposes, told, purposes_li, vendors_li].filter(Boolean);
    return [all.some(({ disabled }) => disabled?.length) && !all.some(({ enabled }) => enabled?.length), updated];
  },
};

/** Tells whether a category or service of another tool's is one that needs no consent; Klaro lists itself. */
function necessary(name) {
  const { purposes, trackers } = SETTINGS;
  const ids = named(name);
  if (ids.length) return ids.every((id) => purposes[trackers[id].purpose].necessary);
  return `${WORDS.necessary} klaro`.split(" ").includes(plain(name).replace(/cookies$/, ""));
}

function onlyNecessary(states) {
  const others = Object.keys(states).filter((name) => states[name] !== false);
  return others.length < Object.keys(states).length && others.every(necessary);
}

function cookies() {
  const jar = new Map();
  for (const pair of document.cookie.split("; ")) {
    const [name, ...value] = pair.split("=");
    const text = value.join("=");
    jar.set(name, [...(jar.get(name) || []), /%[\da-f]{2}/i.test(text) ? decode(text) : text]);
  }
  return jar;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

/** Tells whether a cookie is the visitor's own refusal, and no older than ours are kept. In doubt, it is not. */
function refusal(name, text, jar) {
  try {
    const [refused, at] = EARLIER[name](text, jar);
    if (at === undefined) return refused;
    const age = (Date.now() - new Date(at)) / DAY;
    return refused && age > -1 && age <= SETTINGS.days;
  } catch {
    return false;
  }
}

/** Takes over a refusal that another tool heard, where none says anything else; tells whether there was one. */
function importRefusal() {
  const jar = cookies();
  const said = Object.keys(EARLIER).flatMap((name) => (jar.get(name) || []).map((text) => refusal(name, text, jar)));
  const found = !answered() && said.length > 0 && said.every(Boolean);
  if (found) guard.choose({});
  return found;
}

/* ---- Beginning ---- */

/** Reads what the page holds now; run before each scan. */
function translate() {
  for (const tag of document.querySelectorAll(TAGS))
    if (!tag.hasAttribute("data-gk") || tag.hasAttribute("data-gk-read")) mark(tag);
  reopen();
  answer();
  if (answering.has("cookiebot") || answering.has("klaro")) show();
}

Object.assign(guard, { translate, importRefusal });
