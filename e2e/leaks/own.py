"""A page that calls nobody, but runs its own code in every way that a careless policy would break."""

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>'

#: Name and the body of an async function that returns "ok".
CHECKS = {
    "eval": "return eval(\"'ok'\")",
    "function": "return new Function(\"return 'ok'\")()",
    "timeout of text": 'return heard((done) => { window.done = done; setTimeout("done()") })',
    "inline handler": 'document.getElementById("handler").click(); return handled',
    "handler attribute": 'const b = add("button"); b.setAttribute("onclick", "handled = \'ok\'");'
    "b.click(); return handled",
    "javascript: link": "return heard((done) => { window.done = done;"
    'add("a", {href: "javascript:void done()"}).click() })',
    "inline style": 'return wide("attribute")',
    "style element": 'return wide("element")',
    "own stylesheet": 'return wide("sheet")',
    "data: stylesheet": 'return wide("data")',
    "data: image": 'return loaded(add("img", {src: `data:image/svg+xml,${encodeURIComponent(SVG)}`}))',
    "blob: image": 'return loaded(add("img", {src: blob(SVG, "image/svg+xml")}))',
    "own image": 'return loaded(add("img", {src: "/own.svg"}))',
    "data: script": 'return loaded(add("script", {src: "data:text/javascript,0"}))',
    "blob: script": 'return loaded(add("script", {src: blob("0", "text/javascript")}))',
    "own script": 'return loaded(add("script", {src: "/own.js"}))',
    "inline module": "return heard((done) => { window.done = done;"
    'add("script", {type: "module", textContent: "done()"}) })',
    "import of data:": "return (await import(\"data:text/javascript,export default 'ok'\")).default",
    "import of blob:": 'return (await import(blob("export default \'ok\'", "text/javascript"))).default',
    "data: frame": 'return loaded(add("iframe", {src: "data:text/html,hello"}))',
    "blob: frame": 'return loaded(add("iframe", {src: blob("hello", "text/html")}))',
    "srcdoc frame with a script": "return heard((done) => { window.done = done;"
    'add("iframe", {srcdoc: "<script>parent.done()</" + "script>"}) })',
    "own frame": 'return loaded(add("iframe", {src: "/blank"}))',
    "data: object": 'return loaded(add("object", {data: `data:image/svg+xml,${encodeURIComponent(SVG)}`}))',
    "blob: worker": 'return said(new Worker(blob("postMessage(1)", "text/javascript")))',
    "data: worker": 'return said(new Worker("data:text/javascript,postMessage(1)"))',
    "own worker": 'return said(new Worker("/own.js"))',
    "worker with eval": 'return said(new Worker(blob("postMessage(eval(1))", "text/javascript")))',
    "webassembly": "await WebAssembly.compile(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)); return 'ok'",
    "own fetch": 'return (await fetch("/own.txt")).ok ? "ok" : "no"',
    "fetch of data:": 'return await (await fetch("data:,ok")).text()',
    "fetch of blob:": 'return await (await fetch(blob("ok"))).text()',
    "own beacon": 'return navigator.sendBeacon("/own.txt", "x") ? "ok" : "no"',
    "own form": 'const frame = add("iframe", {name: "sink"}), form = add("form", {action: "/own.txt", target: "sink"});'
    "const end = loaded(frame); form.submit(); return end",
    "own web socket": "let refused = false; addEventListener('securitypolicyviolation', () => refused = true);"
    "await new Promise((done) => new WebSocket(`ws://${location.host}/socket`).onerror = done);"
    "return refused ? 'no' : 'ok'",
    "media stream": 'const v = add("video", {muted: true}); v.srcObject = add("canvas").captureStream(); return "ok"',
    "blob: audio": 'const a = new Audio(blob("", "audio/wav")); a.load(); return heard((done) => a.onerror = done)',
    "same-origin window": 'return add("iframe").contentWindow.eval("\'ok\'")',
}

_PRELUDE = """
const SVG = '@SVG';
let handled = "";
const add = (name, values = {}) => document.body.appendChild(Object.assign(document.createElement(name), values));
const blob = (text, type = "text/plain") => URL.createObjectURL(new Blob([text], {type}));
const wide = (id) => getComputedStyle(document.getElementById(id)).width === "7px" ? "ok" : "no";
const loaded = (node) => new Promise((done) => { node.onload = () => done("ok"); node.onerror = () => done("error") });
const said = (worker) => new Promise((done) => {
  worker.onmessage = () => done("ok"); worker.onerror = () => done("error");
});
const heard = (run) => Promise.race([new Promise((done) => run(() => done("ok"))),
  new Promise((done) => setTimeout(done, 2000, "never"))]);
const outcomes = {};
const check = async (name, run) => { outcomes[name] = await run().catch(String) };
"""


def own_page(guard: str) -> str:
    """Return the page, which leaves what became of each check in ``outcomes`` and is then ``finished``."""
    checks = "\n".join(f'await check("{name}", async () => {{{body}}});' for name, body in CHECKS.items())
    return "\n".join(
        [
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Own</title>{guard}',
            '<style>#element{width:7px}</style><link rel="stylesheet" href="/own.css">',
            '<link rel="stylesheet" href="data:text/css,%23data{width:7px}"></head><body>',
            '<p id="attribute" style="width:7px"><p id="element"><p id="sheet"><p id="data">',
            '<button id="handler" onclick="handled = \'ok\'">.</button>',
            f"<script>{_PRELUDE.replace('@SVG', SVG)}",
            f"let finished = false; addEventListener('load', async () => {{{checks}\nfinished = true}})",
            "</script></body></html>",
        ]
    )
