"""Signed links: the click is decided and counted, then the visitor goes on, and the destination learns nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from .errors import BadToken, InvalidInput
from .tokens import Tokens

MAX_URL = 2048
# RFC 3986 section 2, plus the percent sign: everything else must come percent-encoded, so that the Location header
# is the signed destination byte for byte, on every server.
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")


@dataclass(frozen=True, slots=True)
class Link:
    """A link whose clicks a site asks to count.

    :param tracker: the tracker of kind ``link`` that the click counts for.
    """

    site: str
    tracker: str
    url: str


class Links:
    """Sign and verify link tokens. Only what is signed can be a destination: there is no open redirect."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._tokens = Tokens(keys, "link")

    def sign(self, link: Link) -> str:
        """Return the token of a link.

        :raises InvalidInput: the destination is not an absolute http or https address.
        """
        check_destination(link.url)
        return self._tokens.sign([link.site, link.tracker, link.url])

    def verify(self, token: str) -> Link:
        """Return the link of a token.

        :raises BadToken: no key on the list signed it, or its destination is not allowed.
        """
        try:
            site, tracker, url = self._tokens.verify(token)
            link = Link(site, tracker, url)
            check_destination(url)
        except (TypeError, ValueError, InvalidInput) as error:
            raise BadToken("not a link token") from error
        return link


def check_destination(url: str) -> None:
    """Check that an address may be redirected to: absolute, http or https, no user, no control characters.

    :raises InvalidInput: it may not (OWASP ASVS 3.7.2).
    """
    rule = "a destination is an absolute http or https address without user name, percent-encoded"
    if not isinstance(url, str) or len(url) > MAX_URL or not _URL_CHARACTERS.fullmatch(url):
        raise InvalidInput(f"{str(url)[:80]!r}: {rule}, at most {MAX_URL} characters")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise InvalidInput(f"{url[:80]!r}: {rule}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise InvalidInput(f"{url[:80]!r}: {rule}")
