// Parley, a stand-in for a chat vendor.
(function () {
  "use strict";
  var home = new URL(document.currentScript.src).origin;
  (window.demoRan = window.demoRan || []).push("parley");
  new Image().src = home + "/hello.gif?" + new URLSearchParams({ page: location.pathname, language: navigator.language });

  function line(text, who) {
    var p = document.createElement("p");
    p.className = "chat-" + who;
    p.textContent = text;
    return p;
  }
  function open(place) {
    var talk = document.createElement("div");
    var form = document.createElement("form");
    var field = document.createElement("input");
    var send = document.createElement("button");
    talk.className = "chat-talk";
    talk.setAttribute("role", "log");
    talk.append(line("Hello, this is Nuala. Which kettle are you thinking of?", "them"));
    field.setAttribute("aria-label", "Your message to the shop");
    field.placeholder = "Your message";
    send.textContent = "Send";
    form.className = "chat-form";
    form.append(field, send);
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      if (!field.value.trim()) return;
      talk.append(line(field.value, "me"), line("A good question. I will ask in the shop.", "them"));
      field.value = "";
      talk.scrollTop = talk.scrollHeight;
    });
    place.replaceChildren(talk, form);
  }
  function draw() { document.querySelectorAll("[data-chat]").forEach(open); }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", draw);
  else draw();
})();
