"""A page of the site, looked at as a browser would: is the guard there, first, from where, and what does that mean."""

import ipaddress
import re
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit
from urllib.request import Request, urlopen

from gatekeeper import __version__
from gatekeeper.config import Config
from gatekeeper.core.findings import Finding, fail, ok, warn
from gatekeeper.core.sites import Scope, Site

TIMEOUT: Final = 10  # seconds
#: A page's tags stand in its first megabytes.
MAX_BODY: Final = 4_000_000
#: How far two clocks may be apart before anybody notices, and before a choice's day is wrong, in seconds.
DRIFT: Final = 60
WRONG: Final = 3600
#: Tags that make a browser send a request, with the attribute that says where.
_LOADS: Final = {
    "script": "src", "iframe": "src", "img": "src", "video": "src", "audio": "src", "source": "src", "embed": "src",
    "object": "data", "link": "href", "input": "src",
}  # fmt: skip
_QUIET_LINKS: Final = frozenset({"canonical", "alternate", "next", "prev", "author", "license", "help", "search", "me"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a URL answered, after redirects."""

    url: str
    status: int
    headers: "Message[str, str]"
    text: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that can load something."""

    name: str
    attributes: dict[str, str]
    in_head: bool

    def __getitem__(self, attribute: str) -> str:
        return self.attributes.get(attribute, "")


class Tags(HTMLParser):
    """The tags of a page that can load something, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Tag] = []
        self._in_head = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            self._in_head = False
        if tag in _LOADS:
            self.found.append(Tag(tag, {name: value or "" for name, value in attrs}, self._in_head))

    def handle_endtag(self, tag: str) -> None:
        if tag == "head":
            self._in_head = False


def examine(config: Config, url: str) -> Iterator[Finding]:
    """Look at a page of one of the sites."""
    answer, problem = fetch(url)
    if answer is None:
        fix = "check the address, its certificate, and that this machine may reach it"
        yield fail("page", f"{url} does not answer: {problem}", "a page that visitors can open", fix)
        return
    yield clock(answer.headers.get("Date", ""), now=time.time())
    site = _site_of(config, answer.url)
    if site is None:
        known = ", ".join(origin for site in config.sites.values() for origin in site.origins)
        fix = f"add {_origin(answer.url)} to the origins of its site in {config.path}, or give another page"
        yield fail("page", f"{_origin(answer.url)} is no declared origin", f"one of {known}", fix)
        return
    if answer.status != 200:
        found = f"{answer.url} answers {answer.status}"
        yield fail("page", found, "a page that visitors can open", "give another page")
        return
    yield from _examine_page(config, site, answer)


def fetch(url: str) -> tuple[Answer | None, str]:
    """Return what a URL answers, or None and why not."""
    if urlsplit(url).scheme not in {"http", "https"}:
        return None, "not a web address"
    asked = Request(url, headers={"User-Agent": f"gatekeeper-doctor/{__version__}"})  # noqa: S310 - checked above
    try:
        with urlopen(asked, timeout=TIMEOUT) as response:  # noqa: S310 - checked above
            text = response.read(MAX_BODY).decode("utf-8", errors="replace")
            return Answer(response.url, response.status, response.headers, text), ""
    except HTTPError as error:
        with error:
            return Answer(error.url or url, error.code, error.headers, ""), ""
    except (OSError, HTTPException, ValueError) as error:
        return None, str(getattr(error, "reason", error))


def clock(date: str, *, now: float) -> Finding:
    """Compare this machine's clock with a ``Date`` header.

    :param now: seconds since the epoch.
    """
    try:
        apart = abs(now - parsedate_to_datetime(date).timestamp())
    except (TypeError, ValueError):
        return ok("clock", "the page's server sends no Date to compare with")
    found = f"{apart:.0f} s apart from the page's server"
    rule, fix = "proofs carry the time, and choices expire by the calendar", "set the clocks, and keep them set by NTP"
    if apart > WRONG:
        return fail("clock", found, rule, fix)
    return warn("clock", found, rule, fix) if apart > DRIFT else ok("clock", found)


def _examine_page(config: Config, site: Site, answer: Answer) -> Iterator[Finding]:
    about = f"site {site.id}"
    tags = Tags()
    tags.feed(answer.text)
    guards = [index for index, tag in enumerate(tags.found) if _is_guard(site, tag)]
    if not guards:
        line = f'<script src="{config.prefix}/{site.id}/gatekeeper.js"></script>'
        rule = "every page loads the guard, or nothing on it is held"
        yield fail(about, f"{answer.url} has no script tag of Gatekeeper's", rule, f"put {line} first in <head>")
        return
    yield from _examine_place(about, tags.found, guards[0])
    yield from _examine_unmarked(site, answer.url, [tag for tag in tags.found if not _is_guard(site, tag)])
    script = urljoin(answer.url, tags.found[guards[0]]["src"])
    yield from home(site, answer.url, script)
    yield from _examine_script(site, script)


def _is_guard(site: Site, tag: Tag) -> bool:
    path = urlsplit(tag["src"]).path
    return tag.name == "script" and bool(re.search(rf"(^|/){re.escape(site.id)}/gatekeeper(\.[0-9a-f]+)?\.js$", path))


def _examine_place(about: str, tags: Sequence[Tag], index: int) -> Iterator[Finding]:
    guard = tags[index]
    late = [name for name in guard.attributes if name in {"async", "defer"}]
    late += ["type=module"] if guard["type"].lower() == "module" else []
    before = [tag for tag in tags[:index] if _runs(tag)]
    rule = "the guard runs before anything it has to hold"
    if not guard.in_head:
        yield fail(about, "the guard's script tag stands outside <head>", rule, "make it the first tag in <head>")
    elif late:
        yield fail(about, f"the guard's script tag has {', '.join(late)}", rule, f"remove {', '.join(late)}")
    elif before:
        found = f"{len(before)} script{'s' if len(before) > 1 else ''} before the guard's"
        yield fail(about, found, rule, "make the guard's script tag the first in <head>")
    else:
        yield ok(about, "the guard's script tag is the first script in <head>")


def _runs(tag: Tag) -> bool:
    kind = tag["type"].lower()
    return tag.name == "script" and (kind in {"", "module"} or kind.endswith("javascript"))


def _examine_unmarked(site: Site, url: str, tags: Sequence[Tag]) -> Iterator[Finding]:
    necessary = {
        host for tracker in site.trackers.values() if site.purposes[tracker.purpose].necessary for host in tracker.hosts
    }
    own = {urlsplit(origin).netloc for origin in site.origins} | necessary
    hosts = sorted({host for tag in tags if (host := _foreign_host(url, tag, own))})
    if hosts:
        found = f"tags that are not marked load from {', '.join(hosts)} before any choice"
        rule = "a tag in the page's own HTML can be fetched before any script runs"
        yield warn(f"site {site.id}", found, rule, "mark them: data-gk, data-gk-tracker, and data-src in place of src")
    else:
        yield ok(f"site {site.id}", "no unmarked tag in the page's HTML loads from another host")


def _foreign_host(url: str, tag: Tag, own: set[str]) -> str:
    quiet = tag.name == "link" and set(tag["rel"].lower().split()) <= _QUIET_LINKS
    inert = tag.name == "script" and not _runs(tag)
    parts = urlsplit(urljoin(url, tag[_LOADS[tag.name]]))
    if quiet or inert or parts.scheme not in {"http", "https"} or parts.netloc in own:
        return ""
    wild = any(host.startswith("*.") and parts.netloc.endswith(host[1:]) for host in own)
    return "" if wild or parts.netloc == urlsplit(url).netloc else parts.netloc


def home(site: Site, page: str, script: str) -> Iterator[Finding]:
    """Tell from where the guard comes, as a browser sees it, and what follows.

    :param page: the URL of the page.
    :param script: the URL of the guard.
    """
    about = f"site {site.id}"
    if _origin(page) == _origin(script):
        yield ok(about, "home 1: the guard comes from the site's own origin; browsers remember the choice in full")
        return
    ours, theirs = urlsplit(page).hostname or "", urlsplit(script).hostname or ""
    if site.scope is Scope.DOMAIN and all(_below(host, site.domain) for host in (ours, theirs)):
        yield from _examine_addresses(about, site, ours, theirs)
        return
    found = f"home 3: the guard comes from {theirs}, which is another site for {ours}"
    rule = "a foreign host holds no cookie: no visit log, and Safari forgets a choice after 7 days"
    fix = "let the site's web server pass /gk/ on (docs/deploy.md, home 1)"
    if _below(theirs, ours.removeprefix("www.")):
        fix += f', or set scope = "domain" and domain = "{ours.removeprefix("www.")}" for sites.{site.id}'
    yield warn(about, found, rule, fix)


def _below(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _examine_addresses(about: str, site: Site, ours: str, theirs: str) -> Iterator[Finding]:
    if near(addresses(ours), addresses(theirs)):
        yield ok(about, f"home 2: the guard comes from {theirs}, on the same network as {ours}")
        return
    found = f"home 2: {theirs} and {ours} resolve to different networks"
    rule = (
        f"Safari then keeps cookies for 7 days instead of {site.choice_days}, and who refused is asked again "
        "(WebKit, Tracking Prevention)"
    )
    yield warn(about, found, rule, "serve both from one address, or pass /gk/ on at the site itself (docs/deploy.md)")


def addresses(host: str) -> frozenset[str]:
    """Return the A and AAAA addresses of a host; none where it has none."""
    try:
        return frozenset(str(row[4][0]) for row in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except OSError:
        return frozenset()


def near(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    """Tell whether Safari takes two hosts for one site's own: every address of one shares its first half with one of
    the other's (16 bits of IPv4, 64 of IPv6; WebKit, "Tracking Prevention in WebKit", CNAME and IP address cloaking).
    """
    networks = {_half(address) for address in ours}
    return bool(theirs) and all(_half(address) in networks for address in theirs)


def _half(address: str) -> str:
    parsed = ipaddress.ip_address(address.split("%", 1)[0])
    return str(ipaddress.ip_network((parsed, parsed.max_prefixlen // 2), strict=False))


def _examine_script(site: Site, script: str) -> Iterator[Finding]:
    about = f"site {site.id}"
    answer, problem = fetch(script)
    rule = "the guard answers, as JavaScript, the same for everybody"
    if answer is None or answer.status != 200:
        found = f"{script} {problem or f'answers {answer.status if answer else 0}'}"
        yield fail(about, found, rule, "start `gatekeeper serve`, and let the web server pass the whole path to it")
        return
    if "javascript" not in answer.headers.get("Content-Type", "") or f'"{site.id}"' not in answer.text:
        yield fail(about, f"{script} is not the guard of this site", rule, "let the web server pass the whole path")
        return
    if "Set-Cookie" in answer.headers:
        fix = "find out what sets it: Gatekeeper never does here"
        yield fail(about, f"{script} sets a cookie", "nothing is set before a choice", fix)
    yield ok(about, f"{script} is the guard of this site")


def _site_of(config: Config, url: str) -> Site | None:
    return next((site for site in config.sites.values() if _origin(url) in site.origins), None)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    port = f":{parts.port}" if parts.port and parts.port != default else ""
    return f"{parts.scheme}://{parts.hostname}{port}"
