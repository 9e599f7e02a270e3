// What the consent interfaces of vendors are told: before anything of theirs runs, that nothing is allowed; then each
// decision. For sites where a tracker declares `consent`: a part of the guard, or joined to it where a vendor's tags
// need not wait for any part. `guard` is its inside. docs/vendors.md says who hears what.

/** Tells the vendors, once at the start and once of each decision. */
guard.tell = (() => {
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
    google: queued("dataLayer", {
      begin() {
        const denied = { ...states(GOOGLE, (purpose) => purpose === "necessary"), wait_for_update: WAIT };
        const links = entry("set", "url_passthrough", false);
        return [entry("consent", "default", denied), entry("set", "ads_data_redaction", true), links];
      },
      update: (may) => [entry("consent", "update", states(GOOGLE, may))],
    }),
    "microsoft-uet": queued("uetq", {
      begin: () => ["consent", "default", { ad_storage: "denied" }],
      update: (may) => ["consent", "update", states({ ad_storage: "marketing" }, may)],
    }),
    "microsoft-clarity": clarity(),
    meta: caller("fbq", (yes) => ["consent", yes ? "grant" : "revoke"]),
    tiktok: tiktok(),
    pinterest: caller("pintrk", (yes) => ["setconsent", yes]),
  };

  let toldOn; // the decision that was told last

  /** Tells the vendors of the site, at first that nothing is allowed, and once of each decision. It never throws. */
  function tellAll(turn) {
    const choice = guard.choice();
    const begins = toldOn === undefined;
    // That the server has heard of a choice makes it no other choice.
    const now = choice ? JSON.stringify([turn, { ...choice, pending: false }]) : "";
    if (now === toldOn) return;
    toldOn = now;
    const { consents } = guard.SETTINGS;
    for (const [name, { begin, update }] of Object.entries(INTERFACES)) {
      const ids = Object.keys(consents).filter((id) => consents[id] === name);
      if (!ids.length) continue;
      const may = (purpose) => mayServe(ids, purpose);
      try {
        if (begins) begin(choice && may);
        else update(may);
      } catch (error) {
        console.warn(`gatekeeper: ${name} could not be told`, error);
      }
    }
  }

  /** Tells whether any of a vendor's trackers may fire; of a purpose, whether that is allowed and one for it may. */
  function mayServe(ids, purpose) {
    if (purpose === "necessary") return true;
    if (purpose && !gatekeeper.allows(purpose)) return false;
    const serving = ids.filter((id) => guard.SETTINGS.trackers[id].purpose === purpose);
    return (serving.length ? serving : ids).some((id) => guard.decision(id).allowed);
  }

  /** Google reads a call only as the arguments of a function; an array is ignored. */
  function entry() {
    return arguments;
  }

  function states(keys, may) {
    return Object.fromEntries(Object.entries(keys).map(([key, purpose]) => [key, may(purpose) ? "granted" : "denied"]));
  }

  /** An interface that is an array, which the vendor's script empties when it comes. */
  function queued(name, { begin, update }) {
    return {
      begin(may) {
        const queue = (window[name] ||= []);
        const calls = [...begin(), ...(may ? update(may) : [])];
        // Ahead of what the page has called; one that runs already reads what is pushed.
        if (Object.hasOwn(queue, "push")) queue.push(...calls);
        else queue.unshift(...calls);
      },
      update: (may) => window[name].push(...update(may)),
    };
  }

  function clarity() {
    const keys = { ad_Storage: "marketing", analytics_Storage: "analytics" };
    let granted = false;
    const call = (may) => ["consentv2", states(keys, may)];
    return {
      begin(may) {
        granted = !!may && may("analytics");
        // What Clarity's own tag begins with; it leaves one that is there.
        window.clarity ||= function () {
          (window.clarity.q ||= []).push(arguments);
        };
        const calls = [call(() => false), ...(may ? [call(may)] : [])];
        if (window.clarity.q) window.clarity.q.unshift(...calls);
        else for (const each of calls) window.clarity(...each);
      },
      update(may) {
        const had = granted;
        granted = may("analytics");
        window.clarity(...call(may));
        if (had && !granted) window.clarity("consent", false); // it erases its cookies
      },
    };
  }

  function tiktok() {
    let granted = false;
    return {
      begin(may) {
        granted = !!may && may();
        // Until TikTok's script is there its queue takes calls as arrays; its own tag goes on with the queue it finds.
        (window.ttq ||= []).unshift(["holdConsent"], ...(granted ? [["grantConsent"]] : []));
      },
      update(may) {
        if (may() === granted) return;
        granted = !granted;
        const { ttq } = window;
        const name = granted ? "grantConsent" : "revokeConsent";
        if (typeof ttq[name] === "function") ttq[name]();
        else ttq.push([name]);
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
      begin(may) {
        granted = !!may && may();
        made = window[name];
        // Called before now, it goes on with what it was called with after our own.
        const calls = (made && made.queue && made.queue.splice(0)) || [];
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
        if (calls.length) made.queue.push(...calls);
      },
      update(may) {
        granted = may();
        say();
      },
    };
  }

  return tellAll;
})();
guard.tell(0);
