"""Put the guard's script tag first in the ``<head>`` of a page, while the page is being sent."""

import re
from html import escape

from gatekeeper.core.policy import Header

#: If the head has not begun by then, the page goes out as it is.
LOOK_AHEAD = 65_536  # bytes

#: Where a head begins, whether or not its tag is written out (HTML Standard section 13.2.6.4.3). Comments are passed.
_TOKENS = re.compile(
    rb"(?P<comment><!--.*?-->)|(?P<open><!--)|(?P<html><!doctype\b|<html\b)|(?P<head><head(?:\s[^>]*)?>)"
    rb"|(?P<inside><(?:/head|body|base|link|meta|noscript|script|style|template|title)\b)",
    re.IGNORECASE | re.DOTALL,
)
_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/=_-]+)'")
#: Whoever sends one of these has said what the bytes are.
_SEALED = {"content-encoding", "content-range", "content-digest", "repr-digest", "digest", "content-md5"}


def takes_tag(status: int, headers: list[Header]) -> bool:
    """Tell whether a response is a page that a tag can be put into: whole, and not compressed."""
    named = {name.lower(): value for name, value in headers}
    html = named.get("content-type", "").partition(";")[0].strip().lower() == "text/html"
    return html and status not in {204, 206, 304} and _SEALED.isdisjoint(named)


def script_tag(src: str, headers: list[Header]) -> bytes:
    """Return the tag, with the nonce that the site's own policy asks for, if any."""
    policies = [value for name, value in headers if name.lower() == "content-security-policy"]
    nonces = [match[1] for value in policies if (match := _NONCE.search(value))]
    nonce = f' nonce="{nonces[0]}"' if nonces else ""
    return f'<script src="{escape(src)}"{nonce}></script>'.encode()


class Injector:
    """Puts a tag into a page that comes in pieces; holds back as little of it as it must.

    :param tag: the script tag.
    """

    def __init__(self, tag: bytes) -> None:
        self._tag = tag
        self._held = b""
        self.decided = False
        #: How many bytes the page grows by; known once it is decided.
        self.grows = 0

    def feed(self, data: bytes) -> bytes:
        """Take a piece of the page; return what can be sent."""
        if self.decided:
            return data
        self._held += data
        place = _place(self._held)
        if place is None and len(self._held) < LOOK_AHEAD:
            return b""
        return self._decide(place)

    def finish(self) -> bytes:
        """Say that the page has ended; return what is left of it."""
        return b"" if self.decided else self._decide(None)

    def _decide(self, place: int | None) -> bytes:
        held, self._held, self.decided = self._held, b"", True
        # A page that brings the tag itself needs no second one.
        if place is None or b"/gatekeeper.js" in held:
            return held
        self.grows = len(self._tag)
        return held[:place] + self._tag + held[place:]


def _place(page: bytes) -> int | None:
    """Return where the head begins; None where it has not begun, or this is not a whole page."""
    whole = False
    for token in _TOKENS.finditer(page):
        if token["open"]:
            return None
        whole = whole or bool(token["html"])
        if token["head"]:
            return token.end()
        if token["inside"]:
            return token.start() if whole else None
    return None
