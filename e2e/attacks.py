"""What a hostile script on the page may try: JavaScript by what it does.

``VALUE`` is a cookie that grants everything, ``GRANT`` a request that does, ``ACCEPT`` the banner's button.
"""

PRELUDE = """
    const day = new Date().toISOString().slice(0, 10).replace(/-/g, "");
    const VALUE = `gk_choice=1.shop.1.${day}.g.7.0.-.0`;
    const GRANT = {
        method: "POST",
        headers: {"Content-Type": "application/json"},
        body: JSON.stringify({granted: ["functional", "analytics", "marketing"], notice: 1}),
    };
    const ACCEPT = [...document.querySelectorAll("button")].find((button) => button.textContent === "Accept all");
    const add = (name, more) => document.body.appendChild(Object.assign(document.createElement(name), more));
    const changing = (first, then) => ({n: 0, toString() { return this.n++ ? then : first; }});
    window.onunhandledrejection = (event) => event.preventDefault();
"""

ATTACKS = {
    "writes the cookie": "document.cookie = VALUE + '; path=/'",
    "writes it with spaces": "document.cookie = ' \\t ' + VALUE + '; path=/'",
    "writes it without a name": "document.cookie = '=' + VALUE + '; path=/'",
    "writes it by an object that changes": "document.cookie = changing('a=b', VALUE + '; path=/')",
    "writes it for a path": "document.cookie = VALUE + '; path=/hostile'",
    "writes it by the setter": """
        Object.getOwnPropertyDescriptor(Document.prototype, "cookie").set.call(document, VALUE)""",
    "takes the setter away first": "delete Document.prototype.cookie; document.cookie = VALUE",
    "puts a setter of its own in place": "Object.defineProperty(Document.prototype, 'cookie', {set() {}})",
    "writes it by cookieStore": "cookieStore.set('gk_choice', VALUE.slice(10))",
    "writes it by cookieStore under a name that changes": """
        let n = 0;
        const get = () => n++ ? "gk_choice" : "a";
        cookieStore.set(Object.defineProperty({value: VALUE.slice(10)}, "name", {enumerable: true, get}))""",
    "posts a choice by fetch": "fetch('/gk/shop/choice', GRANT)",
    "posts it by fetch with a Request": "fetch(new Request('/gk/shop/choice', GRANT))",
    "posts it by fetch with a URL": "fetch(new URL('/gk/shop/choice', location), GRANT)",
    "posts it with a letter encoded": "fetch('/gk/shop/ch%6fice', GRANT)",
    "posts it with a slash encoded": "fetch('/gk/shop%2fchoice', GRANT)",
    "posts it with detours": "fetch('/gk/x/..//shop/./choice?a#b', GRANT)",
    "posts it to an address that changes": "fetch(changing('/', '/gk/shop/choice'), GRANT)",
    "posts it by XMLHttpRequest": """
        const request = new XMLHttpRequest();
        request.open("POST", "/gk/shop/choice");
        request.setRequestHeader("Content-Type", "application/json");
        request.send(GRANT.body)""",
    "posts it by sendBeacon": "navigator.sendBeacon('/gk/shop/choice', GRANT.body)",
    "posts a form into a frame": """
        add("iframe", {name: "f"});
        const form = add("form", {target: "f", method: "post", action: "/gk/shop/choices"});
        for (const [name, value] of [["do", "accept"], ["notice", "1"]])
            form.append(Object.assign(document.createElement("input"), {name, value}));
        form.submit()""",
    "asks the guard": "gatekeeper.choose({granted: ['analytics', 'marketing', 'functional']})",
    "asks the guard by the queue": "gatekeeper.push(['choose', {granted: ['analytics']}])",
    "asks the guard in a click of its own": """
        const button = add("button", {onclick: () => gatekeeper.choose({granted: ["analytics"]})});
        button.click();
        button.dispatchEvent(new MouseEvent("click", {bubbles: true}))""",
    "asks the guard in an event that no visitor made": """
        const onload = () => gatekeeper.choose({granted: ["analytics"]});
        add("img", {onload, src: "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="})""",
    "says that this event is a click": """
        Object.defineProperty(window, "event", {value: {isTrusted: true, type: "click"}});
        gatekeeper.choose({granted: ["analytics"]})""",
    "clicks the banner": "ACCEPT.click()",
    "clicks the banner by an event": "ACCEPT.dispatchEvent(new MouseEvent('click', {bubbles: true}))",
    "presses a key on the banner": """
        ACCEPT.focus();
        for (const type of ["keydown", "keypress", "keyup"])
            ACCEPT.dispatchEvent(new KeyboardEvent(type, {key: "Enter", bubbles: true}))""",
    "tells the other tabs": "new BroadcastChannel('gatekeeper:shop').postMessage({state: 'granted'})",
    "announces a choice": "document.dispatchEvent(new CustomEvent('gatekeeper:choice', {detail: {state: 'granted'}}))",
    "puts another guard in place": "window.gatekeeper = {allows: () => true}",
    "changes the guard": "gatekeeper.allows = () => true",
    "lends every object a grant": "Object.prototype.analytics = Object.prototype.necessary = true",
}
