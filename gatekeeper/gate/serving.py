"""What every web server is told alike: where Gatekeeper is, and which requests are for pages."""

from dataclasses import dataclass

#: What a page depends on, and what is asked of consenting visitors' browsers: as the middlewares say it.
from .caching import VARIES
from .rules import HINTS, PAGE_TYPES, PAGES

__all__ = ["FRESH", "HINTS", "IMMUTABLE", "PAGES", "PAGE_TYPES", "VARY", "Place"]

VARY = ", ".join(VARIES)
#: For the scripts: the one that pages name, and those that are named by their content.
FRESH = "public, max-age=300, stale-while-revalidate=86400"
IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are.

    :param upstream: host and port on which Gatekeeper listens.
    :param prefix: the path under which the site reaches it.
    :param static: the folder that `gatekeeper publish --static` writes to; empty where the script is asked of
        Gatekeeper itself.
    """

    upstream: str = "127.0.0.1:8100"
    prefix: str = "/gk"
    static: str = ""
