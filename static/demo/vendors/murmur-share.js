// Murmur, a stand-in for a social network's share button.
(function () {
  "use strict";
  var home = new URL(document.currentScript.src).origin;
  (window.demoRan = window.demoRan || []).push("murmur");
  new Image().src = home + "/seen.gif?" + new URLSearchParams({ page: location.pathname });
  function draw() {
    document.querySelectorAll("[data-share]").forEach(function (place) {
      var button = document.createElement("button");
      button.type = "button";
      button.className = "share";
      button.textContent = "Murmur this (318)";
      button.addEventListener("click", function () { button.textContent = "Murmured (319)"; }, { once: true });
      place.replaceChildren(button);
    });
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", draw);
  else draw();
})();
