// Loaded where a page has a place for the notice, `data-gk-notice`: puts it there, in the page's language.
// The answer is a tree, and every node is made of it by name: no HTML is parsed, whatever the page's policy allows.
// A part of the guard: `guard` is its inside.

const filled = new WeakSet(); // places that have the notice, or are about to

/** Makes a node of `[name, attributes, children]`, or of a text. */
function build(node) {
  if (typeof node === "string") return document.createTextNode(node);
  const [name, attributes, children] = node;
  const element = document.createElement(name);
  // The addresses in it are the service's own, wherever the page is.
  for (const [key, value] of Object.entries(attributes))
    element.setAttribute(key, key === "href" ? new URL(value, guard.base).href : value);
  element.append(...children.map(build));
  return element;
}

/** Puts the notice in its place. What the site has put there stays until the notice is there, or if it does not come. */
async function fill(place) {
  // The site's own server may have put it there already.
  if (filled.has(place) || place.querySelector(".gk-notice")) return;
  filled.add(place);
  const { lang = "" } = place.closest("[lang]") || {};
  const address = new URL(`notice?fragment=1&lang=${encodeURIComponent(lang)}`, guard.base);
  const answer = await fetch(address, { headers: { Accept: "application/json" }, credentials: "omit" });
  if (answer.ok) place.replaceChildren(build(await answer.json()));
}

function fillAll() {
  for (const place of document.querySelectorAll("[data-gk-notice]")) fill(place).catch(() => {});
}

fillAll();
new MutationObserver(fillAll).observe(document, { childList: true, subtree: true });
