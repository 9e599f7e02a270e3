// The shop's own script: says in the top bar what Gatekeeper would let through at this moment.
(function () {
  "use strict";
  var NAMES = { functional: "extras", analytics: "visit log", marketing: "advertising" };

  function tell() {
    var place = document.querySelector("[data-state]");
    var gatekeeper = window.gatekeeper;
    if (!place || !gatekeeper || typeof gatekeeper.allows !== "function") return;
    var words = Object.keys(NAMES).map(function (purpose) {
      return NAMES[purpose] + " " + (gatekeeper.allows(purpose) ? "yes" : "no");
    });
    place.textContent = "May fire now: " + words.join(", ") + ".";
  }
  document.addEventListener("gatekeeper:ready", tell);
  document.addEventListener("gatekeeper:choice", tell);
  tell();
})();
