// The way out of a strict site. A browser follows none of its links to a host that the page may not reach, but it
// follows redirects: a visitor's own click on such a link goes by the service (gatekeeper/web/out.py). A part of the
// guard, loaded on strict sites; `guard` is its inside, which no other script can get.

const { base, fits } = guard;

/**
 * Waits until a click has been through the page, wherever that ends. So scripts that look at the link find it as it was,
 * and it is known that none of them keeps the browser from following it.
 */
function follow(event) {
  const path = event.composedPath();
  const link = path.find(({ localName, href }) => /^a(rea)?$/.test(localName) && href);
  if (!event.isTrusted || !link || !beyond(link)) return;
  let led;
  const last = ({ eventPhase, currentTarget, cancelBubble, defaultPrevented }) => {
    const over = cancelBubble || (currentTarget === window && eventPhase === Event.BUBBLING_PHASE);
    if (!over || defaultPrevented || led) return;
    led = true;
    lead(link);
  };
  const hear = (how) => path.forEach((node) => [true, false].forEach((capture) => node[how](event.type, last, capture)));
  hear("addEventListener");
  setTimeout(hear, 0, "removeEventListener");
}

/** Tells whether a link leads to a host that the page may not reach. */
function beyond({ protocol, username, host, hostname }) {
  const reach = guard.reach();
  if (!reach || username || !/^https?:$/.test(protocol)) return false;
  return ![location.host, ...reach].some((pattern) => fits(pattern, { host, hostname }));
}

/** Has the browser follow a link by the service, and gives it its address back. */
function lead(link) {
  const address = link.getAttribute("href");
  link.setAttribute("href", `${base}out?to=${encodeURIComponent(link.href)}`);
  setTimeout(() => link.setAttribute("href", address));
}

for (const type of ["click", "auxclick"]) addEventListener(type, follow, true);
