"""The requests of the comparison, as browsers send them, byte for byte."""

import itertools
import json
import secrets
from collections.abc import Iterator, Mapping

from e2e.load import event_id
from e2e.served import ORIGIN
from gatekeeper.core.links import Link, Links

BEACON = "/gk/shop/b/seen.gif"
#: How many different browsers a hostile visitor makes up: more than a cache would hold that is sized for real ones.
AGENTS = 5000
#: How many visitors come, each with a grant of their own.
VISITORS = 500

_CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
_HEADERS = {
    "Host": "shop.test",
    "User-Agent": _CHROME,
    "Accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.9",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "http://shop.test/tea/green",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "no-cors",
    "Sec-Fetch-Dest": "image",
}
#: A site's own cookies come along, whoever visits.
_OWN = {"session": "5f2c0de1", "basket": "12.7.33"}

Cookies = Mapping[str, str]


def get(path: str, cookies: Cookies | None = None, **headers: str) -> bytes:
    """Return a GET request.

    :param headers: that differ from a browser's usual ones.
    """
    return _request("GET", path, cookies, headers, b"")


def post(path: str, value: object, cookies: Cookies | None = None) -> bytes:
    """Return a POST request of a page of the site."""
    body = json.dumps(value).encode()
    headers = {"Origin": ORIGIN, "Content-Type": "text/plain", "Content-Length": str(len(body))}
    return _request("POST", path, cookies, headers, body)


def _request(method: str, path: str, cookies: Cookies | None, headers: Mapping[str, str], body: bytes) -> bytes:
    told = {**_HEADERS, **headers, "Cookie": "; ".join(f"{k}={v}" for k, v in {**_OWN, **(cookies or {})}.items())}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def beacons(visitors: list[Cookies]) -> Iterator[bytes]:
    """Return beacons of visitors who have granted them, in turn."""
    return itertools.cycle([get(BEACON, cookies) for cookies in visitors])


def hostile_beacons(visitors: list[Cookies]) -> Iterator[bytes]:
    """Return such beacons from 5,000 browsers that nobody has."""
    made_up = (f"{_CHROME} {secrets.token_hex(8)}/{number}" for number in range(AGENTS))
    pairs = zip(made_up, itertools.cycle(visitors), strict=False)
    return itertools.cycle([get(BEACON, cookies, **{"User-Agent": agent}) for agent, cookies in pairs])


def choices() -> Iterator[bytes]:
    """Return grants, each of a new visitor."""
    return itertools.repeat(post("/gk/shop/choice", {"granted": ["analytics", "marketing"], "notice": 1}))


def links(visitors: list[Cookies], key: str) -> Iterator[bytes]:
    """Return clicks on one link."""
    token = Links([key]).sign(Link("shop", "newsletter", "https://tea.example/"))
    return itertools.cycle([get(f"/gk/l/{token}", cookies) for cookies in visitors])


def batches(visitors: list[Cookies], size: int = 20) -> Iterator[bytes]:
    """Yield batches of page views, each event with an id of its own."""
    for cookies in itertools.cycle(visitors):
        views = [{"id": event_id(), "kind": "view", "path": f"/tea/{number}"} for number in range(size)]
        yield post("/gk/shop/events", {"events": views}, cookies)


def cycle(prepared: list[bytes]) -> Iterator[bytes]:
    """Return requests in turn, for ever."""
    return itertools.cycle(prepared)
