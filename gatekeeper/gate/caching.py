"""Keep caches from giving one visitor's policy to another, or yesterday's to today's visitor.

Only for pages: whatever else a site sends has the same policy for everyone and stays as cacheable as it was.
"""

import re

from gatekeeper.core.policy import Header

#: What a page depends on.
VARIES = ("Cookie", "Sec-GPC", "DNT")
_TAG = re.compile(r'(?:W/)?"[^"]*"')
_MARKED = re.compile(r'((?:W/)?".*)\.gk([0-9a-f]{8})"')
#: What lets a shared cache keep a response; ``private`` takes their place.
_SHARED = {"public", "private", "s-maxage", "proxy-revalidate"}
_DIRECTIVE = re.compile(r'[^\s,"][^,"]*(?:"[^"]*"[^,"]*)*')


def keep_private(headers: list[Header]) -> list[Header]:
    """Say that a page is one visitor's own, unless it says so already. Nothing becomes more cacheable than it was."""
    said = [value for name, value in headers if name.lower() == "cache-control"]
    parts = [part.strip() for value in said for part in _DIRECTIVE.findall(value)]
    others = [header for header in headers if not _is_targeted(header[0])]
    # private="set-cookie" speaks of that header alone.
    if {"no-store", "private"}.isdisjoint(part.lower() for part in parts):
        kept = [part for part in parts if _name(part) not in _SHARED]
        others = [header for header in others if header[0].lower() != "cache-control"]
        others.append(("Cache-Control", ", ".join(["private", *kept])))
    return others


def _is_targeted(name: str) -> bool:
    """Tell whether a header speaks to one kind of cache, which then reads no ``Cache-Control`` (RFC 9213)."""
    return name.lower() in {"surrogate-control", "x-accel-expires"} or name.lower().endswith("cdn-cache-control")


def _name(directive: str) -> str:
    return directive.partition("=")[0].strip().lower()


def vary(headers: list[Header]) -> list[Header]:
    """Name what a page depends on, beside what the site names."""
    said = [part.strip() for name, value in headers if name.lower() == "vary" for part in value.split(",")]
    if "*" in said:
        return headers
    known = {part.lower() for part in said}
    named = [part for part in said if part] + [name for name in VARIES if name.lower() not in known]
    others = [header for header in headers if header[0].lower() != "vary"]
    return [*others, ("Vary", ", ".join(named))]


# A browser that holds a page asks whether it has changed, and where it has not may keep the page's old policy: WebKit
# takes no header that begins with "Content-" from a 304 response (WebCore, CacheValidation.cpp); Chromium does. So the
# policy is made part of the page's tag, and dates, which cannot carry it, are not compared.


def mark_tag(headers: list[Header], mark: str) -> list[Header]:
    """Make the policy part of a page's ``ETag``.

    :param mark: eight hexadecimal digits.
    """
    return [(name, _marked(value, mark) if name.lower() == "etag" else value) for name, value in headers]


def _marked(tag: str, mark: str) -> str:
    return f'{tag[:-1]}.gk{mark}"' if _TAG.fullmatch(tag) else tag


def unmark_tags(value: str, mark: str, *, page: bool) -> str:
    """Return what is left of an ``If-None-Match`` header for the site to compare.

    :param page: whether a page is asked for: its tags count only with this visitor's mark.
    """
    found = [(tag, _MARKED.fullmatch(tag)) for tag in _TAG.findall(value)]
    kept = [f'{marked[1]}"' if marked else tag for tag, marked in found if (marked[2] == mark if marked else not page)]
    return ", ".join(kept)
