// The preview: in the guard's place, it puts the real banner and the real preferences into one state. What is chosen here
// goes nowhere. The page says in data-told what they shall be told.

(() => {
  "use strict";

  const { state, language, notice, earlier, purposes, objected, until, labels } = JSON.parse(document.documentElement.dataset.told);
  const RECEIPT = "ABCD-EFGH-JKLM-NPQR";
  const GRANTED = { state: "granted", purposes, trackers: [], override: [], objects: false };
  const choice = { changed: { ...GRANTED, notice: earlier }, withdrawn: { ...GRANTED, notice } }[state] || null;
  const honours = state === "honoured" ? objected : [];

  function emit(name, detail) {
    document.dispatchEvent(new CustomEvent(`gatekeeper:${name}`, { detail }));
  }

  function open(ask) {
    emit("open", { ask, notice, language, choice, objected: (id) => honours.includes(id) });
  }

  /** Answers as the guard would, had the server answered. */
  async function choose({ method, granted = [] }) {
    if (state === "failed") throw new Error("a preview keeps nothing");
    if (method === "withdraw") setTimeout(emit, 0, "logged", async () => {});
    const became = method === "withdraw" ? "withdrawn" : granted.length ? "granted" : "refused";
    return { state: became, until, kept: state !== "unkept", receipt: became === "granted" && { code: RECEIPT } };
  }

  /** Presses a button of ours, as a visitor would: as soon as it is there. */
  function press(key) {
    const button = [...document.querySelectorAll(".gk button")].find(({ textContent }) => textContent === labels[key]);
    if (button) button.click();
    else requestAnimationFrame(() => press(key));
  }

  /** Leaves the focus where whoever looks at the grid has it: scripts in an inert window could still draw it away. */
  function standStill() {
    const { showModal } = HTMLDialogElement.prototype;
    HTMLElement.prototype.focus = () => {};
    HTMLDialogElement.prototype.showModal = function () {
      this.inert = true;
      showModal.call(this);
    };
  }

  function ask(key) {
    open(true);
    if (key) press(key);
  }

  const REACH = {
    age: () => ask(),
    ask: () => ask(),
    honoured: () => ask(),
    changed: () => ask(),
    preferences: () => open(false),
    details() {
      open(false);
      for (const one of document.querySelectorAll(".gk details")) one.open = true;
    },
    saved: () => ask("accept_all"),
    refused: () => ask("reject_all"),
    withdrawn() {
      open(false);
      press("withdraw_all");
    },
    failed: () => ask("accept_all"),
    unkept: () => ask("reject_all"),
    news: () => emit("news", () => {}),
  };

  window.gatekeeper = {
    choose,
    on(name, fn) {
      const heard = ({ detail }) => fn(detail);
      document.addEventListener(`gatekeeper:${name}`, heard);
      return () => document.removeEventListener(`gatekeeper:${name}`, heard);
    },
    /** Opens the preferences; or the same state in another language. */
    open(tag) {
      if (!tag) return open(false);
      const query = new URLSearchParams(location.search);
      query.set("language", tag);
      location.search = query;
    },
  };

  if (window !== parent) standStill();
  // Elsewhere than where it is asked, the visitor has said so already.
  document.addEventListener("gatekeeper:age", ({ detail }) => state === "age" || detail.push(18));
  // What our links lead to stands on the site, not here.
  document.addEventListener("click", (event) => event.target.closest("a") && event.preventDefault());
  document.addEventListener("DOMContentLoaded", REACH[state]);
})();
