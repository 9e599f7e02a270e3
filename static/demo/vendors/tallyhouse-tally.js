// Tallyhouse, a stand-in for an analytics vendor: counts the page, and remembers the browser in a cookie on the site.
(function () {
  "use strict";
  var home = new URL(document.currentScript.src).origin;
  var known = /(?:^|; )_tally=([0-9a-f]+)/.exec(document.cookie);
  var reader = known ? known[1] : Math.random().toString(16).slice(2, 12);
  document.cookie = "_tally=" + reader + "; Path=/; Max-Age=7776000; SameSite=Lax";
  (window.demoRan = window.demoRan || []).push("tallyhouse");

  function send(what, more) {
    var query = new URLSearchParams(Object.assign({ reader: reader, page: location.pathname }, more));
    new Image().src = home + "/" + what + ".gif?" + query;
  }
  window.tallyhouse = { reader: reader, goal: function (name) { send("goal", { goal: name }); } };
  send("view", { screen: screen.width + "x" + screen.height, came_from: document.referrer || "nowhere" });
})();
