"""The cookies of the site itself: whose each one is, and how one that is denied is removed from a browser.

Only a server can remove them all: a script neither sees nor removes an ``HttpOnly`` cookie.
"""

import re
from collections.abc import Callable, Iterator

from .cookies import is_ours
from .sites import Site
from .trackers import Tracker

#: A response carries at most so many removals; what is left over is removed by the next one.
MAX_REMOVALS = 24
#: So many names of a request are looked at; no browser keeps more for one site (Chromium: 180).
_MAX_NAMES = 200
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.[a-z][a-z0-9-]*")
_PATH = re.compile(r"[!-:<-~]{1,200}")


class Jar:
    """The cookies that a site's trackers declare. A declared name that ends with ``*`` means all that begin so."""

    def __init__(self, site: Site) -> None:
        self._trackers = site.trackers
        self._purposes = site.purposes
        self._exact: dict[str, list[str]] = {}
        begun: dict[str, list[str]] = {}
        for tracker in site.trackers.values():
            for cookie in tracker.cookies:
                table = begun if cookie.name.endswith("*") else self._exact
                table.setdefault(cookie.name.removesuffix("*"), []).append(tracker.id)
        self._begun = sorted(begun.items(), key=lambda row: len(row[0]), reverse=True)

    def owners(self, name: str) -> list[str]:
        """Return the trackers that declare a cookie: by its whole name, else by the longest beginning of it."""
        if name in self._exact:
            return self._exact[name]
        return next((owners for start, owners in self._begun if name.startswith(start)), [])

    def days(self, name: str) -> int | None:
        """Return for how long a declared cookie may stay: the longest of its trackers; None where one is necessary."""
        owners = [self._trackers[owner] for owner in self.owners(name)]
        if not owners or any(self._necessary(owner) for owner in owners):
            return None
        return max(cookie.days for owner in owners for cookie in owner.cookies if _fits(cookie.name, name))

    def denied(self, header: str, allows: Callable[[str], bool]) -> list[str]:
        """Return the names in a ``Cookie`` header that are declared, but by no tracker that may fire; never ours."""
        return [name for name in names_in(header) if self._is_denied(name, allows) and not is_ours(name)]

    def _necessary(self, tracker: Tracker) -> bool:
        return self._purposes[tracker.purpose].necessary

    def _is_denied(self, name: str, allows: Callable[[str], bool]) -> bool:
        owners = self.owners(name)
        return bool(owners) and not any(map(allows, owners))


def _fits(declared: str, name: str) -> bool:
    return name.startswith(declared[:-1]) if declared.endswith("*") else name == declared


def names_in(header: str) -> list[str]:
    """Return the names in a ``Cookie`` header, each once, as far as they are well-formed."""
    pairs = header.split(";", _MAX_NAMES)[:_MAX_NAMES]
    names = dict.fromkeys(pair.partition("=")[0].strip() for pair in pairs)
    return [name for name in names if _NAME.fullmatch(name)]


def removals(names: list[str], host: str, path: str, *, secure: bool) -> list[str]:
    """Return the ``Set-Cookie`` values that remove cookies, whichever domain and path they were set for.

    A browser removes a cookie only where name, domain and path are those it was set with, and does not tell them.

    :param host: of the request, as its ``Host`` header has it.
    :param path: of the request.
    :param secure: whether the site is served over https: what came over https, only https removes.
    """
    variants = list(_variants(host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host, path))
    found = [
        f"{name}=; Max-Age=0; Path={where}{domain}{'; Secure' if secure else ''}"
        for where, domain in variants
        for name in names
        if not (name.startswith("__Host-") and (domain or where != "/"))
    ]
    return found[:MAX_REMOVALS]


def _variants(host: str, path: str) -> Iterator[tuple[str, str]]:
    for where in dict.fromkeys(("/", _directory(path))):
        yield where, ""
        for domain in _domains(host.lower()):
            yield where, f"; Domain={domain}"


def _directory(path: str) -> str:
    """Return the path that a cookie gets when it is set without one (RFC 6265 section 5.1.4)."""
    directory = path.rpartition("/")[0] or "/"
    return directory if _PATH.fullmatch(directory) else "/"


def _domains(host: str) -> list[str]:
    """Return a host and the domains above it, without the last label; none for an address or a bare name."""
    if not _DOMAIN.fullmatch(host):
        return []
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]
