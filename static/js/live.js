"use strict";
// The page on which staff see decisions as they happen. Whatever a page or a visitor named is put in as text.
(() => {
  const MOST = 200; // rows that stay
  const rows = document.getElementById("happenings");
  const state = document.getElementById("state");
  const pause = document.getElementById("pause");
  const only = document.getElementById("only");
  let paused = false;

  const words = {
    page: () => "Page viewed",
    event: (one) => one.name,
    beacon: () => "Beacon",
    click: () => "Link followed",
    outcome: (one) => one.outcome,
  };

  function cell(text, kind) {
    const made = document.createElement("td");
    const inside = document.createElement("bdi");
    inside.textContent = text;
    made.append(inside);
    if (kind) made.className = kind;
    return made;
  }

  function row(one) {
    const made = document.createElement("tr");
    made.dataset.tracker = one.tracker;
    const told = (words[one.what] || (() => one.what))(one);
    made.append(cell(one.at), cell(told, one.outcome), cell(one.tracker), cell(one.reason), cell(one.page));
    made.append(cell(String(one.n), "number"));
    made.hidden = !matches(made);
    return made;
  }

  const matches = (made) => !only.value.trim() || made.dataset.tracker.includes(only.value.trim());

  function say(text) {
    if (state.textContent !== text) state.textContent = text;
  }

  const source = new EventSource("live/stream");
  source.addEventListener("begun", () => say("Waiting for what happens next."));
  source.addEventListener("trouble", () => say("The database does not answer just now."));
  source.addEventListener("over", () => {
    source.close();
    say("You are signed out. Load the page again.");
  });
  source.addEventListener("error", () => {
    const ended = source.readyState === EventSource.CLOSED;
    say(ended ? "Too many people look at this just now. Load the page again later." : "The connection is lost; it is tried again.");
  });
  source.addEventListener("message", (event) => {
    if (paused) return;
    rows.prepend(...JSON.parse(event.data).map(row));
    while (rows.rows.length > MOST) rows.deleteRow(-1);
    say("Live.");
  });

  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    say(paused ? "Paused: what happens now is not shown." : "Live.");
  });
  only.addEventListener("input", () => {
    for (const made of rows.rows) made.hidden = !matches(made);
  });
  document.getElementById("controls").hidden = false;
})();
