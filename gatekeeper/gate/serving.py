"""What every web server is told alike: where Gatekeeper is, and which requests are for pages."""

from dataclasses import dataclass

from gatekeeper.core.policy import HINTS

#: What a page depends on, and what it says of itself: as the middlewares have it.
from .caching import VARIES
from .rules import PAGE_TYPES, PAGES, method_header

__all__ = ["FRESH", "HINTS", "IMMUTABLE", "PAGES", "PAGE_TYPES", "VARY", "Place", "method_header"]

VARY = ", ".join(VARIES)
#: What tells pages from all else before they are answered: regular expressions for ``Sec-Fetch-Dest``, ``Sec-Purpose``
#: and ``Accept``, with bars between.
ASKS_PAGE = (
    rf"^(?:{'|'.join(sorted(PAGES))})\|",
    r"^[^|]*\|[^|]*(?:prefetch|prerender)",
    r"^\|\|.*text/html",
)
#: How long a page waits for Gatekeeper where its policy is asked for, in milliseconds: to be connected, and answered.
CONNECTED = 200
ANSWERED = 300
#: For how long a Gatekeeper that did not answer in time is not asked again, in seconds.
PAUSE = 5
#: For the scripts: the one that pages name, and those that are named by their content.
FRESH = "public, max-age=60, stale-while-revalidate=86400"
IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are.

    :param upstream: host and port on which Gatekeeper listens.
    :param prefix: the path under which the site reaches it.
    :param static: the folder that `gatekeeper publish --static` writes to; empty where the script is asked of
        Gatekeeper itself.
    :param asks: whether the web server asks Gatekeeper for the policy of every page.
    """

    upstream: str = "127.0.0.1:8100"
    prefix: str = "/gk"
    static: str = ""
    asks: bool = False
