"""The site of ``twenty.toml``, and a page of it: twenty trackers, fourteen vendors, one published notice."""

import tomllib
from pathlib import Path
from typing import Any

from gatekeeper.core.notices import Notice, content_hash
from gatekeeper.core.registry import read_registry
from gatekeeper.core.sites import Site, notice_content
from gatekeeper.core.trackers import Kind, Tracker

_FILE = Path(__file__).with_suffix(".toml")
_PRODUCTS = 108
_TEXT = (
    "Thrown by hand and fired twice, glazed in the colours of the harbour at dusk; it holds what it should, pours "
    "without a drip, and goes into the dishwasher like anything else. Made in small numbers by people whose names are "
    "on the bottom of each piece, packed in straw and paper, and sent on the day on which it is ordered before noon. "
    "Whoever does not like it sends it back within a month, and whoever breaks it is sent another for half of what "
    "the first one cost, with our sympathy."
)
_WORDS = _TEXT.split()

_STYLE = """<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui }
body { margin: 0 auto; max-width: 72rem; padding: 1rem }
nav ul, .goods { display: flex; flex-wrap: wrap; gap: 1rem; list-style: none; padding: 0 }
.goods li { flex: 1 1 16rem; border: 1px solid #8884; border-radius: .5rem; padding: 1rem }
.goods img { width: 100%; height: 8rem; background: #8882 }
.price { font-weight: 600 } .quiet { opacity: .7 } button { padding: .5rem 1rem }
</style>"""

#: What shops' own scripts do while a page loads: read and write a little of everything.
_OPENING = """<script>
document.cookie = "session=5f2c0de1; path=/; SameSite=Lax";
document.cookie = "csrftoken=a81b; path=/; max-age=31536000";
document.documentElement.dataset.theme = localStorage.getItem("theme") || "light";
localStorage.setItem("theme", document.documentElement.dataset.theme);
</script>"""
_CLOSING = """<script>
const goods = [...document.querySelectorAll(".goods li")];
const seen = JSON.parse(localStorage.getItem("seen") || "[]");
localStorage.setItem("seen", JSON.stringify([...seen, ...goods.slice(0, 20).map((item) => item.id)]));
const basket = (document.cookie.match(/basket=([^;]*)/) || [])[1] || "";
for (const item of goods.slice(0, 5)) document.cookie = `basket=${basket}${item.id}.; path=/; max-age=1209600`;
for (const button of document.querySelectorAll(".goods button"))
  button.addEventListener("click", () => sessionStorage.setItem("last", button.value));
history.replaceState({ scroll: 0 }, "");
const list = document.createElement("ul");
document.querySelector("footer").append(list);
for (const item of goods.slice(0, 40))
  list.appendChild(document.createElement("li")).textContent = item.querySelector("h3").textContent;
setTimeout(() => (list.innerHTML += "<li><a href='/all'>All of them</a></li>".repeat(20)), 50);
</script>"""


def declared() -> dict[str, Any]:
    """Return the site's table, as its file declares it."""
    table: dict[str, Any] = tomllib.loads(_FILE.read_text("utf-8"))["sites"]["shop"]
    return table


def published() -> Site:
    """Return the site with its one notice."""
    sites, problems = read_registry({"sites": {"shop": declared()}})
    assert not problems, problems
    site = sites["shop"]
    content = notice_content(site)
    return site.with_notices([Notice(site.id, 1, content, "2026-11-22", content_hash(content))])


def page(*, guarded: bool, live: bool = False, embeds: bool = False) -> str:
    """Return a page of the shop: 100 KB, 1,500 elements, the scripts of a shop, and a tag of each marked tracker.

    :param guarded: whether it carries the guard.
    :param live: whether tags are as they would be without a guard, instead of marked.
    :param embeds: whether there are tags of embeds too.
    """
    kinds = {Kind.SCRIPT, Kind.LOADER} | ({Kind.EMBED} if embeds else set())
    marked = [tracker for tracker in published().trackers.values() if tracker.marked and tracker.kind in kinds]
    guard = '<script src="/gk/shop/gatekeeper.js"></script>' if guarded else ""
    return "\n".join(
        [
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Harbour &amp; Finch</title>{guard}',
            f'<link rel="icon" href="data:,">{_STYLE}{_OPENING}</head><body>',
            "<header><h1>Harbour &amp; Finch</h1><nav><ul>",
            *(f'<li><a href="/{word}">{word}</a></li>' for word in _WORDS[:12]),
            '</ul></nav></header><main><ul class="goods">',
            *(_product(number) for number in range(_PRODUCTS)),
            f"</ul></main><footer><p>Bristol</p></footer>{_CLOSING}",
            *(_tag(tracker, live) for tracker in marked),
            "</body></html>",
        ]
    )


def _product(number: int) -> str:
    shifted = _WORDS[number % 40 :] + _WORDS[: number % 40]
    text = " ".join(shifted)
    return (
        f'<li id="item-{number}" data-price="{1900 + 25 * number}" data-stock="{number % 7}">'
        f'<a href="/goods/{number}"><img alt="" src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="></a>'
        f'<h3><a href="/goods/{number}">{" ".join(shifted[:4])}</a></h3><p>{text}</p>'
        f'<p class="price"><span>{19 + number // 4}</span> <span>pounds</span></p>'
        f'<p class="quiet"><em>{number % 7}</em> left, sent <time>tomorrow</time></p>'
        f'<button type="button" value="{number}">Put into the basket</button></li>'
    )


def _tag(tracker: Tracker, live: bool) -> str:
    name = "iframe" if tracker.kind is Kind.EMBED else "script"
    source = f"https://{tracker.hosts[0].replace('*', 'www')}/{tracker.id}"
    if live:
        return f'<{name} src="{source}"{" async" if name == "script" else ""}></{name}>'
    inert = ' type="text/plain"' if name == "script" else ""
    return f'<{name}{inert} data-gk="{tracker.purpose}" data-gk-tracker="{tracker.id}" data-src="{source}"></{name}>'
