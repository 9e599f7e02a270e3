// Halfways, a stand-in for an A/B test: it works only after Tallyhouse, whose reader id it borrows.
(function () {
  "use strict";
  var home = new URL(document.currentScript.src).origin;
  var reader = window.tallyhouse ? window.tallyhouse.reader : "unknown";
  (window.demoRan = window.demoRan || []).push("halfways");
  new Image().src = home + "/joined.gif?" + new URLSearchParams({
    reader: reader,
    version: parseInt(reader, 16) % 2 ? "B" : "A",
    after: window.tallyhouse ? "tallyhouse" : "nobody, too early",
  });
})();
