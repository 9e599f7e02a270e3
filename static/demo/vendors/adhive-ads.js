// Adhive, a stand-in for an ad network: fills the ad slots, sets its cookie on the site, and calls home.
(function () {
  "use strict";
  var home = new URL(document.currentScript.src).origin;
  var known = /(?:^|; )_adhive=([0-9a-f]+)/.exec(document.cookie);
  var reader = known ? known[1] : Math.random().toString(16).slice(2, 12);
  document.cookie = "_adhive=" + reader + "; Path=/; Max-Age=33696000; SameSite=Lax";
  (window.demoRan = window.demoRan || []).push("adhive");

  new Image().src = home + "/auction.gif?" + new URLSearchParams({ reader: reader, looks_at: document.title });
  function fill() {
    document.querySelectorAll("[data-ad-slot]").forEach(function (slot) {
      var picture = new Image();
      picture.src = home + "/ad.svg?" + new URLSearchParams({ slot: slot.dataset.adSlot, reader: reader });
      picture.alt = "Advertisement: Harbour biscuits, baked since 1911";
      slot.replaceChildren(picture);
    });
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", fill);
  else fill();
})();
