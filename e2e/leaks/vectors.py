"""The ways in which a page can reach a third party. Each has an address of its own, by which the tracker knows it."""

import re
from dataclasses import dataclass
from enum import StrEnum

#: What the tracker is declared as, and what for.
TRACKER, PURPOSE = "leaky", "marketing"


class Group(StrEnum):
    """Where a vector comes from."""

    MARKUP = "static markup"
    CSS = "style"
    SCRIPT = "script"
    NODE = "added later"
    FRAME = "frame"
    WORKER = "worker"
    SPECULATIVE = "speculation"
    OTHER = "past the fetch"


@dataclass(frozen=True, slots=True)
class Vector:
    """One way to reach the tracker. In its text ``@U`` stands for its address, without the extension.

    ``@H`` stands for a host and port of its own, where that is how the tracker knows it.

    :param head: static markup for the head.
    :param body: static markup for the body.
    :param script: the body of an async function, run at the end of the page.
    :param once: whether a page that runs it once sends one request, no more.
    :param element: whether a tag of its own can be marked; other markup is held in a ``<template>``.
    """

    id: str
    group: Group
    head: str = ""
    body: str = ""
    script: str = ""
    once: bool = True
    element: bool = False

    @property
    def static(self) -> bool:
        """Whether the parser inserts it: it stands in the document as markup."""
        return not self.script and self.group is not Group.NODE


def _tag(id: str, body: str, group: Group = Group.MARKUP, *, once: bool = True) -> Vector:
    return Vector(id, group, body=body, once=once, element=True)


def _head(id: str, head: str, group: Group = Group.MARKUP, *, once: bool = True) -> Vector:
    return Vector(id, group, head=head, once=once, element=True)


def _held(id: str, body: str, group: Group = Group.MARKUP, *, once: bool = True) -> Vector:
    return Vector(id, group, body=body, once=once)


def _style(id: str, rule: str) -> Vector:
    return Vector(id, Group.CSS, body=f'<style>{rule}</style><div id="{id}">{id}</div>')


def _script(id: str, script: str, group: Group = Group.SCRIPT, *, once: bool = True) -> Vector:
    return Vector(id, group, script=script, once=once)


def _node(id: str, script: str) -> Vector:
    return Vector(id, Group.NODE, script=script)


def _frame(id: str, script: str) -> Vector:
    return Vector(id, Group.FRAME, script=script)


def _worker(id: str, script: str, *, once: bool = True) -> Vector:
    return Vector(id, Group.WORKER, script=script, once=once)


#: Attributes by which an element reaches out; marking it puts ``data-`` before their names.
ADDRESSES = ("src", "srcset", "href", "data", "poster")

VECTORS: tuple[Vector, ...] = (
    # --- What the parser meets in the document.
    _head("script", '<script src="@U.js"></script>'),
    _head("script-async", '<script async src="@U.js"></script>'),
    _head("script-defer", '<script defer src="@U.js"></script>'),
    _head("script-module", '<script type="module" src="@U.mjs"></script>'),
    _head("stylesheet", '<link rel="stylesheet" href="@U.css">'),
    _head("icon", '<link rel="icon" href="@U.gif">'),
    _head("manifest", '<link rel="manifest" href="@U.webmanifest">', once=False),
    _head("preload-image", '<link rel="preload" as="image" href="@U.gif">', Group.SPECULATIVE),
    _head("preload-font", '<link rel="preload" as="font" crossorigin href="@U.woff2">', Group.SPECULATIVE),
    _head("modulepreload", '<link rel="modulepreload" href="@U.mjs">', Group.SPECULATIVE),
    _head("prefetch", '<link rel="prefetch" href="@U.html">', Group.SPECULATIVE),
    _head("preconnect", '<link rel="preconnect" href="http://@H">', Group.SPECULATIVE, once=False),
    Vector("style-import", Group.MARKUP, head="<style>@import url(@U.css);</style>"),
    _tag("img", '<img src="@U.gif" alt="">'),
    _tag("img-srcset", '<img srcset="@U.gif 1x" alt="">'),
    _tag("img-lazy", '<img loading="lazy" src="@U.gif" alt="">'),
    _held("picture", '<picture><source srcset="@U.gif"><img alt=""></picture>'),
    _tag("video", '<video preload="auto" src="@U.mp4"></video>', once=False),
    _tag("poster", '<video poster="@U.gif"></video>'),
    _held("audio", '<audio preload="auto" src="@U.wav"></audio>', once=False),
    _held("track", '<video crossorigin><track default kind="subtitles" src="@U.vtt"></video>'),
    _held("object", '<object data="@U.html"></object>'),
    _held("embed", '<embed src="@U.html">'),
    _held("input-image", '<input type="image" src="@U.gif" alt="">'),
    _held("table-background", '<table background="@U.gif"><tr><td>.</table>'),
    _held("svg-image", '<svg><image href="@U.gif"/></svg>'),
    _held("svg-script", '<svg><script href="@U.js"></script></svg>'),
    _held("shadow-root", '<div><template shadowrootmode="open"><img src="@U.gif" alt=""></template></div>'),
    _tag("iframe", '<iframe src="@U.html"></iframe>', Group.FRAME),
    _held("iframe-srcdoc", "<iframe srcdoc=\"<img src='@U.gif'>\"></iframe>", Group.FRAME),
    _held("iframe-data", "<iframe src=\"data:text/html,<img src='@U.gif'>\"></iframe>", Group.FRAME),
    _held(
        "iframe-refresh",
        "<iframe srcdoc=\"<meta http-equiv='refresh' content='0;url=@U.html'>\"></iframe>",
        Group.FRAME,
    ),
    # --- What a style asks for.
    _style("font-face", "@font-face{font-family:leak;src:url(@U.woff2)} #font-face{font-family:leak}"),
    _style("background", "#background{background:url(@U.gif)}"),
    _style("image-set", '#image-set{background:image-set("@U.gif" 1x)}'),
    _style("list-style", "#list-style{display:list-item;list-style:url(@U.gif)}"),
    _style("cursor", "#cursor{cursor:url(@U.gif),auto}"),
    _style("mask", "#mask{mask-image:url(@U.svg)}"),
    _style("border-image", "#border-image{border:1px solid;border-image:url(@U.gif) 1}"),
    _style("content", "#content::before{content:url(@U.gif)}"),
    _style("shape-outside", "#shape-outside{float:left;shape-outside:url(@U.svg)}"),
    Vector("style-attribute", Group.CSS, body='<div style="background:url(@U.gif)">.</div>'),
    Vector(
        "fe-image",
        Group.CSS,
        body='<svg><filter id="fe"><feImage href="@U.gif"/></filter>'
        '<rect filter="url(#fe)" width="9" height="9"/></svg>',
    ),
    # --- What a script asks for itself.
    _script("fetch", 'await fetch("@U.txt")'),
    _script("fetch-no-cors", 'await fetch("@U.txt", {mode: "no-cors", keepalive: true})'),
    _script("xhr", 'const x = new XMLHttpRequest(); x.open("GET", "@U.txt"); x.send()'),
    _script("beacon", 'navigator.sendBeacon("@U.txt", "seen")'),
    _script("fetch-later", 'fetchLater("@U.txt", {activateAfter: 0})'),
    _script("event-source", 'new EventSource("@U.events")'),
    _script("web-socket", 'new WebSocket("ws" + "@U.ws".slice(4))'),
    _script("image", 'new Image().src = "@U.gif"'),
    _script("audio-constructor", 'const a = new Audio("@U.wav"); a.preload = "auto"; a.load()', once=False),
    _script("font-face-load", 'await new FontFace("leaked", "url(@U.woff2)").load()'),
    _script("import", 'await import("@U.mjs")'),
    Vector(
        "import-map",
        Group.SCRIPT,
        head='<script type="importmap">{"imports": {"leak-by-map": "@U.mjs"}}</script>',
        script='await import("leak-by-map")',
    ),
    _script("import-json", 'await import("@U.json", {with: {type: "json"}})'),
    _script("import-css", 'await import("@U.css", {with: {type: "css"}})'),
    _script("wasm", 'await WebAssembly.instantiateStreaming(fetch("@U.wasm"))'),
    _script("pagehide", 'addEventListener("pagehide", () => fetch("@U.txt", {keepalive: true, method: "POST"}))'),
    # --- Nodes that a script adds or changes.
    _node("append-script", 'add("script", {src: "@U.js"})'),
    _node("append-module", 'add("script", {type: "module", textContent: `import "@U.mjs"`})'),
    _node("append-link", 'add("link", {rel: "stylesheet", href: "@U.css"}, document.head)'),
    _node("append-prefetch", 'add("link", {rel: "prefetch", href: "@U.html"}, document.head)'),
    Vector(
        "append-preconnect",
        Group.NODE,
        script='add("link", {rel: "preconnect", href: "http://@H"}, document.head)',
        once=False,
    ),
    _node("inner-html", 'add("div").innerHTML = \'<img src="@U.gif">\''),
    _node("insert-adjacent", 'document.body.insertAdjacentHTML("beforeend", \'<img src="@U.gif">\')'),
    _node(
        "contextual-fragment",
        "const r = document.createRange(); r.selectNode(document.body);"
        "document.body.append(r.createContextualFragment('<script src=\"@U.js\"></' + 'script>'))",
    ),
    _node(
        "template-clone",
        'const t = document.createElement("template"); t.innerHTML = \'<img src="@U.gif">\';'
        "document.body.append(t.content.cloneNode(true))",
    ),
    _node("change-src", 'const i = add("img", {src: "data:,"}); i.setAttribute("src", "@U.gif")'),
    _node("change-video", 'const v = add("video", {preload: "auto"}); v.poster = "@U.gif"'),
    _node("style-property", 'add("div", {textContent: "."}).style.background = "url(@U.gif)"'),
    _node("set-style", 'add("div", {textContent: "."}).setAttribute("style", "background:url(@U.gif)")'),
    _node(
        "insert-rule",
        'add("div", {id: "rule", textContent: "."}); const s = add("style");'
        's.sheet.insertRule("#rule{background:url(@U.gif)}")',
    ),
    _node(
        "adopted-sheet",
        'add("div", {id: "adopted", textContent: "."}); const s = new CSSStyleSheet();'
        's.replaceSync("#adopted{background:url(@U.gif)}"); document.adoptedStyleSheets = [s]',
    ),
    _node("form", 'const f = add("form", {action: "@U.html", method: "post", target: "form-sink"}); f.submit()'),
    _node("ping", 'add("a", {href: "/blank", target: "ping-sink", ping: "@U.txt"}).click()'),
    Vector(
        "document-write", Group.NODE, body="<script>document.write('<script src=\"@U.js\"></' + 'script>')</script>"
    ),
    # --- Frames, whose realms no script of the page has touched.
    _frame("append-iframe", 'add("iframe", {src: "@U.html"})'),
    _frame("append-srcdoc", 'add("iframe", {srcdoc: "<script>fetch(`@U.txt`)</" + "script>"})'),
    _frame("clean-fetch", 'await add("iframe").contentWindow.fetch("@U.txt")'),
    _frame("clean-image", 'new (add("iframe").contentWindow.Image)().src = "@U.gif"'),
    _frame("clean-beacon", 'add("iframe").contentWindow.navigator.sendBeacon("@U.txt")'),
    _frame(
        "clean-write", 'const d = add("iframe").contentDocument; d.open(); d.write(\'<img src="@U.gif">\'); d.close()'
    ),
    _frame("javascript-url", 'add("iframe", {src: `javascript:void fetch("@U.txt")`})'),
    _frame(
        "nested-frame",
        'add("iframe", {srcdoc: "<iframe srcdoc=\\"<img src=\'@U.gif\'>\\"></iframe>"})',
    ),
    _frame("blob-frame", 'add("iframe", {src: blob("<img src=\'@U.gif\'>", "text/html")})'),
    # --- Workers.
    _worker("worker-fetch", 'new Worker(blob(`fetch("@U.txt")`))'),
    _worker("worker-import-scripts", 'new Worker(blob(`importScripts("@U.js")`))'),
    _worker("worker-module", 'new Worker(blob(`import "@U.mjs"`), {type: "module"})'),
    _worker("worker-data", 'new Worker("data:text/javascript," + encodeURIComponent(`fetch("@U.txt")`))'),
    _worker("worker-nested", "new Worker(blob(`new Worker(URL.createObjectURL(new Blob([\"fetch('@U.txt')\"])))`))"),
    _worker("shared-worker", 'new SharedWorker(blob(`fetch("@U.txt")`))'),
    _worker("worker-file", 'new Worker("/worker.js?@U.txt")'),
    _worker("service-worker", 'await navigator.serviceWorker.register("/sw.js?@U.txt?" + Date.now())'),
    _worker("audio-worklet", 'await new OfflineAudioContext(1, 1, 8000).audioWorklet.addModule("@U.mjs")'),
    _worker("paint-worklet", 'await CSS.paintWorklet.addModule("@U.mjs")'),
    # --- What the browser does ahead of time.
    _script("speculation-prefetch", 'speculate("prefetch", "@U.html")', Group.SPECULATIVE),
    _script("speculation-prerender", 'speculate("prerender", "@U.html")', Group.SPECULATIVE),
    # --- What is no fetch: datagrams, in the tracker's own ports.
    _script(
        "web-rtc",
        'const p = new RTCPeerConnection({iceServers: [{urls: "stun:@H"}]}); p.createDataChannel("x");'
        "await p.setLocalDescription()",
        Group.OTHER,
        once=False,
    ),
    _script("web-transport", 'new WebTransport("https://@H/")', Group.OTHER, once=False),
)

SCRIPTED = tuple(vector for vector in VECTORS if vector.script)
#: What the scripts of the page share.
PRELUDE = """
const add = (name, values = {}, parent = document.body) =>
  parent.appendChild(Object.assign(document.createElement(name), values));
const blob = (text, type = "text/javascript") => URL.createObjectURL(new Blob([text], {type}));
const speculate = (kind, url) => add("script", {type: "speculationrules",
  textContent: JSON.stringify({[kind]: [{source: "list", urls: [url], eagerness: "immediate"}]})});
let attempts = 0;
const attempt = (run) => run(attempts++).catch(() => {});
for (const name of ["form-sink", "ping-sink"]) add("iframe", {name});
"""


def marked(vector: Vector) -> tuple[str, str]:
    """Return a vector's markup, head and body, as a site marks it that lets the guard hold it."""
    return _mark(vector, vector.head), _mark(vector, vector.body)


def _mark(vector: Vector, html: str) -> str:
    # Styles stay as they are: what they name is fetched when they apply, and by then a policy is there. Only for an
    # @import does the browser look ahead.
    if not html or not vector.static or vector.group is Group.CSS:
        return html
    label = f'data-gk="{PURPOSE}" data-gk-tracker="{TRACKER}"'
    if not vector.element:
        return f"<template {label}>{html}</template>"
    html = re.sub(rf" ({'|'.join(ADDRESSES)})=", r" data-\1=", html)
    if html.startswith("<script"):
        html = html.replace("<script", '<script type="text/plain"', 1).replace('type="module"', 'data-type="module"')
    return re.sub(r"^<(\w+)", rf"<\1 {label}", html)
