// What the consent interfaces of vendors are told: before anything runs, that nothing is allowed; then each decision.
// Joined into the guard, before gatekeeper.js, where a tracker declares `consent`. docs/vendors.md says who hears what.

/** Tells the vendors, once at the start and once of each decision. */
const tellVendors = (() => {
  const WAIT = 500; // milliseconds that Google's tags wait for a choice that is held already

  /** The keys of Google's Consent Mode v2 and the purposes they follow. */
  const GOOGLE = {
    ad_storage: "marketing",
    ad_user_data: "marketing",
    ad_personalization: "marketing",
    analytics_storage: "analytics",
    functionality_storage: "functional",
    personalization_storage: "functional",
    security_storage: "necessary",
  };

  /** By the names of gatekeeper/core/trackers.py. `may` tells of a purpose; without one, of the vendor's trackers. */
  const INTERFACES = {
    google: {
      begin() {
        const layer = (window.dataLayer ||= []);
        // A container that runs already reads what is pushed; one to come begins with the first entry.
        const add = hasOwn(layer, "push") ? layer.push : layer.unshift;
        const denied = { ...states(GOOGLE, (purpose) => purpose === "necessary"), wait_for_update: WAIT };
        const links = entry("set", "url_passthrough", false);
        add.call(layer, entry("consent", "default", denied), entry("set", "ads_data_redaction", true), links);
      },
      update: (may) => window.dataLayer.push(entry("consent", "update", states(GOOGLE, may))),
    },
    "microsoft-uet": {
      begin: () => (window.uetq ||= []).push("consent", "default", { ad_storage: "denied" }),
      update: (may) => window.uetq.push("consent", "update", states({ ad_storage: "marketing" }, may)),
    },
    "microsoft-clarity": clarity(),
    meta: caller("fbq", (yes) => ["consent", yes ? "grant" : "revoke"]),
    tiktok: tiktok(),
    pinterest: caller("pintrk", (yes) => ["setconsent", yes]),
  };

  let toldOn; // the decision that was told last

  /** Tells the vendors of the site, at first that nothing is allowed, and once of each decision. It never throws. */
  function tellAll() {
    const begins = toldOn === undefined;
    // That the server has heard of a choice makes it no other choice.
    const now = choice ? JSON.stringify([turn, { ...choice, pending: false }]) : "";
    if (now === toldOn) return;
    toldOn = now;
    const { trackers } = SETTINGS;
    for (const [name, { begin, update }] of Object.entries(INTERFACES)) {
      const ids = Object.keys(trackers).filter((id) => trackers[id].consent === name);
      if (!ids.length) continue;
      try {
        if (begins) begin();
        if (choice || !begins) update((purpose) => mayServe(ids, purpose));
      } catch (error) {
        console.warn(`gatekeeper: ${name} could not be told`, error);
      }
    }
  }

  /** Tells whether any of a vendor's trackers may fire; of a purpose, whether that is allowed and one for it may. */
  function mayServe(ids, purpose) {
    if (purpose === "necessary") return true;
    if (purpose && !purposeDecision(purpose).allowed) return false;
    const serving = ids.filter((id) => SETTINGS.trackers[id].purpose === purpose);
    return (serving.length ? serving : ids).some((id) => decision(id).allowed);
  }

  /** Google reads a call only as the arguments of a function; an array is ignored. */
  function entry() {
    return arguments;
  }

  function states(keys, may) {
    return Object.fromEntries(Object.entries(keys).map(([key, purpose]) => [key, may(purpose) ? "granted" : "denied"]));
  }

  function clarity() {
    const keys = { ad_Storage: "marketing", analytics_Storage: "analytics" };
    let granted = false;
    const say = (may) => window.clarity("consentv2", states(keys, may));
    return {
      begin() {
        // What Clarity's own tag begins with; it leaves one that is there.
        window.clarity ||= function () {
          (window.clarity.q ||= []).push(arguments);
        };
        say(() => false);
      },
      update(may) {
        const had = granted;
        granted = may("analytics");
        say(may);
        if (had && !granted) window.clarity("consent", false); // it erases its cookies
      },
    };
  }

  function tiktok() {
    let granted = false;
    // Until TikTok's script is there its queue takes calls as arrays; its own tag goes on with the queue it finds.
    const say = (name) => {
      const queue = (window.ttq ||= []);
      if (typeof queue[name] === "function") queue[name]();
      else queue.push([name]);
    };
    return {
      begin: () => say("holdConsent"),
      update(may) {
        if (may() === granted) return;
        granted = !granted;
        say(granted ? "grantConsent" : "revokeConsent");
      },
    };
  }

  /**
   * An interface that is called by a function of the vendor's tag. The tag does nothing where there is one already, so
   * ours cannot stand in for it: the first to read the finished function finds that it was called with a denial.
   */
  function caller(name, words) {
    let made; // the vendor's function
    let said; // what it was told last; undefined: nothing yet
    let granted = false;
    const say = () => {
      if (typeof made !== "function") return;
      try {
        // Said before it is called, as the function may well read itself.
        if (said === undefined) made(...words((said = false)));
        if (said !== granted) made(...words((said = granted)));
      } catch (error) {
        console.warn(`gatekeeper: ${name} could not be told`, error);
      }
    };
    return {
      begin() {
        made = window[name];
        Object.defineProperty(window, name, {
          get() {
            if (said === undefined && made && made.queue) say(); // with its queue it is finished
            return made;
          },
          set: (value) => void (made = value),
          configurable: true,
          enumerable: true,
        });
        say();
      },
      update(may) {
        granted = may();
        say();
      },
    };
  }

  return tellAll;
})();
