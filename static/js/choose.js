// Loaded when a visitor chooses: grants by the server's leave, tells it of refusals, and clears what was withdrawn.
// A part of the guard: `guard` is its inside, which no other script can get.

gatekeeper.push((guard) => {
  const { fetch } = guard;
  const DEPTH = 8; // how deep a cookie's path is looked for

  /** Grants, once the server has committed it and the cookie is there. `trusted`: in the visitor's own click. */
  async function grant(wish, trusted, turn) {
    if (guard.turn() !== turn) throw superseded();
    const { purposes, trackers } = guard.asked();
    const { granted = [], trackers: answers = {}, override = [] } = wish;
    const { trackers: declared, notice, site } = guard.settings();
    const yes = purposes.filter((id) => granted.includes(id));
    const next = {
      site,
      notice,
      day: guard.today(),
      state: "granted",
      purposes: yes,
      trackers: trackers.filter((id) => Object.hasOwn(answers, id) && answers[id] !== yes.includes(declared[id].purpose)),
      override: yes.filter((id) => override.includes(id)),
      age_band: guard.youngest(wish),
      objects: wish.objects ?? !!guard.choice()?.objects,
    };
    if (!yes.length && !next.trackers.length) return guard.choose(wish, []);
    if (!trusted) throw Error("gatekeeper: only a visitor's own click grants");
    if (guard.foreign) {
      guard.keep(next);
      return arrived();
    }
    const body = {
      granted: yes,
      refused: purposes.filter((id) => !yes.includes(id)),
      trackers: answers,
      override: next.override,
      notice,
      language: wish.language,
      method: wish.method,
      age_band: next.age_band,
      objects: next.objects,
    };
    const { status, ...answer } = await post(body, turn);
    if (status === 409) return guard.askAgain(answer.settings);
    if (status !== 200) throw Error(answer.error);
    return arrived(answer);
  }

  /** A grant counts once the cookie is there. */
  function arrived(answer) {
    const kept = guard.stored();
    if (!kept) return guard.lost("none");
    const told = guard.take(kept, answer);
    if (guard.settings().gate.reload && guard.beyond() && mayReload()) location.reload();
    return told;
  }

  /** Tells the server of a refusal or withdrawal, until it has heard. */
  async function inform(wait) {
    const mine = guard.choice();
    if (!mine || !mine.pending) return;
    const { notice, age_band, objects } = mine;
    const { status } = await post({ notice, age_band, objects }, guard.turn()).catch(() => ({}));
    if (guard.choice() !== mine) return;
    if (status === 200) guard.heard();
    else setTimeout(inform, wait, Math.min(wait * 2, 60000));
  }

  function superseded() {
    return Error("gatekeeper: another answer came after this one");
  }

  /** Posts an answer. One that is no longer the visitor's last is given up. */
  async function post(body, turn) {
    const stop = new AbortController();
    const watch = setInterval(() => guard.turn() === turn || stop.abort(), 50);
    setTimeout(() => stop.abort(), 10000);
    try {
      const answer = await fetch(`${guard.base}choice`, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "Content-Type": "application/json" },
        credentials: "include",
        referrerPolicy: "no-referrer",
        keepalive: true,
        signal: stop.signal,
      });
      const told = await answer.json().catch(() => ({}));
      if (guard.turn() !== turn) throw superseded();
      return { ...told, status: answer.status };
    } finally {
      clearInterval(watch);
    }
  }

  /* ---- Clearing what denied trackers keep ---- */

  /** Removes what denied trackers keep in this browser, and tells what could not be removed. */
  async function clear() {
    const denied = (name) => guard.owners(name).length > 0 && !guard.mayKeep(name);
    for (const name of cookieNames().filter(denied)) expire(name);
    for (const store of guard.storages()) for (const name of Object.keys(store).filter(denied)) store.removeItem(name);
    const databases = ((await indexedDB.databases?.().catch(() => [])) || []).map(({ name }) => name).filter(denied);
    for (const name of databases) indexedDB.deleteDatabase(name);
    const caching = window.caches ? (await caches.keys().catch(() => [])).filter(denied) : [];
    await Promise.all(caching.map((name) => caches.delete(name)));
    return cookieNames().filter(denied);
  }

  function cookieNames() {
    return document.cookie.split("; ").map((pair) => pair.split("=")[0]);
  }

  /** Expires a cookie for every domain and path that this page could have set it for. */
  function expire(name) {
    const labels = location.hostname.split(".");
    const domains = labels.map((_, index) => `;Domain=${labels.slice(index).join(".")}`);
    const steps = location.pathname.split("/").slice(0, DEPTH);
    const paths = steps.flatMap((_, index) => {
      const path = steps.slice(0, index + 1).join("/");
      return [`${path}/`, path || "/"];
    });
    for (const domain of ["", ...domains])
      for (const path of new Set(paths)) guard.expire(`${name}=;Max-Age=0;Path=${path}${domain}`);
  }

  /* ---- Loading the page again ---- */

  /** Tells whether loading the page again loses nothing and sends nothing twice. In doubt, it does not. */
  function mayReload() {
    if (guard.listed(guard.settings().gate.no_reload)) return false;
    const [navigation] = performance.getEntriesByType("navigation");
    const method = navigation?.serverTiming?.find(({ name }) => name === "gk")?.description;
    const outside = !document.referrer || new URL(document.referrer).origin !== location.origin;
    return (method ? method === "GET" : outside) && ![...document.querySelectorAll("input,textarea,option")].some(edited);
  }

  function edited({ localName, type, value, defaultValue, checked, defaultChecked, selected, defaultSelected }) {
    if (localName === "option") return selected !== defaultSelected && selected;
    if (type === "checkbox" || type === "radio") return checked !== defaultChecked;
    return type !== "hidden" && value !== defaultValue;
  }

  return { grant, inform, clear, mayReload };
});
