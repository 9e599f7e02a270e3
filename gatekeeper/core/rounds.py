"""The check of a site's own pages in a real browser: what is asked of it, and what its observations mean. Pure.

``gatekeeper.watching.browser`` drives the browser and only notes what it saw; whether that may be is decided here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from .cookies import is_ours
from .policy import own_hosts
from .signals import Signal
from .sites import Site, Undeclared
from .trackers import Tracker

#: Tags often wait a second before they send.
SETTLE = 1.5


class Visitor(StrEnum):
    """Who opens a page."""

    SILENT = "silent"
    REJECTS = "rejects"
    WITHDRAWS = "withdraws"
    OBJECTS = "objects"


#: What each of them does, in words.
VISITORS = {
    Visitor.SILENT: "says nothing",
    Visitor.REJECTS: "rejects, and goes on",
    Visitor.WITHDRAWS: "accepts, withdraws, and goes on",
    Visitor.OBJECTS: "sends Global Privacy Control",
}


class Stand(StrEnum):
    """What a visitor has said so far, when something went out."""

    NOTHING = "nothing"
    REFUSED = "refused"
    GRANTED = "granted"
    WITHDRAWN = "withdrawn"
    OBJECTED = "objected"
    #: Pressed Accept all, although their browser objects.
    BOTH = "both"


STANDS = {
    Stand.NOTHING: "before any choice",
    Stand.REFUSED: "after a refusal",
    Stand.GRANTED: "after a grant",
    Stand.WITHDRAWN: "after a withdrawal",
    Stand.OBJECTED: "although the browser objects",
    Stand.BOTH: "after Accept all, although the browser objects",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What the browser is asked to do.

    :param pages: addresses.
    :param browser: the path of a Chromium; empty for the one that Playwright brings.
    :param settle: how long a page is waited for after it has loaded, in seconds.
    """

    pages: tuple[str, ...]
    browser: str = ""
    sandbox: bool = True
    settle: float = SETTLE


@dataclass(frozen=True, slots=True)
class Went:
    """A request that went out.

    :param host: with its port unless it is the usual one.
    :param path: without the query.
    """

    stand: Stand
    host: str
    path: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A name that the browser keeps.

    :param where: ``cookie``, ``local``, ``session`` or ``database``.
    :param domain: of a cookie.
    """

    stand: Stand
    where: str
    name: str
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one visitor on one page.

    :param did: what was done, in words, in its order.
    :param trouble: why it could not be done to the end; empty where it was.
    """

    page: str
    visitor: Visitor
    did: tuple[str, ...] = ()
    went: tuple[Went, ...] = ()
    kept: tuple[Kept, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that should not be.

    :param what: in words: what went out or was kept, and when.
    :param whose: a tracker; empty where nothing declares it.
    """

    what: str
    whose: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One visitor on one page, judged."""

    page: str
    visitor: Visitor
    did: tuple[str, ...]
    faults: tuple[Fault, ...]
    trouble: str = ""

    @property
    def passed(self) -> bool:
        """Whether all was done and nothing was wrong."""
        return not self.faults and not self.trouble


def judge(site: Site, prefix: str, seen: Sequence[Seen]) -> list[Run]:
    """Say what was wrong with what was seen on a site's pages.

    :param prefix: the path under which Gatekeeper answers: what it serves is no third party's, wherever it stands.
    """
    return [
        Run(one.page, one.visitor, one.did, tuple(dict.fromkeys(_faults(site, prefix, one))), one.trouble)
        for one in seen
    ]


def write_runs(runs: Sequence[Run]) -> str:
    """Return runs as JSON."""
    return msgspec.json.encode(runs).decode()


def read_runs(text: str) -> list[Run]:
    """Return runs from their JSON; none where it is of another form."""
    try:
        return msgspec.json.decode(text, type=list[Run])
    except msgspec.MsgspecError:
        return []


def tell(runs: Sequence[Run]) -> str:
    """Return what was wrong, in a few words; the first things where it is many."""
    found = list(dict.fromkeys(_told(run) for run in runs if not run.passed))
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return "; ".join(found[:3]) + more


def _told(run: Run) -> str:
    first = run.faults[0].what if run.faults else run.trouble
    return f"{run.page}: {first}"


def _faults(site: Site, prefix: str, seen: Seen) -> Iterator[Fault]:
    for went in seen.went:
        if went.stand is not Stand.GRANTED and not _is_own(site, prefix, went):
            yield from _about_host(site, went)
    for kept in seen.kept:
        if kept.stand not in {Stand.GRANTED, Stand.BOTH} and not is_ours(kept.name):
            yield from _about_name(site, kept)


def _is_own(site: Site, prefix: str, went: Went) -> bool:
    return went.path.startswith(f"{prefix}/{site.id}/") or any(_fits(host, went.host) for host in own_hosts(site))


def _about_host(site: Site, went: Went) -> Iterator[Fault]:
    by = [tracker for tracker in site.trackers.values() if any(_fits(host, went.host) for host in tracker.hosts)]
    what = f"{went.host}{went.path} was asked {STANDS[went.stand]}"
    if went.stand is Stand.BOTH:
        denied = [tracker for tracker in by if Signal.GPC in site.purposes[tracker.purpose].denied_by]
        # A host that is allowed for something else cannot be told by its name.
        if denied and len(denied) == len(by):
            yield Fault(what, denied[0].id)
        return
    asked = [tracker for tracker in by if not _is_necessary(site, tracker)]
    if asked or not by:
        yield Fault(what, asked[0].id if asked else "")


def _about_name(site: Site, kept: Kept) -> Iterator[Fault]:
    foreign = bool(kept.domain) and not _is_own_domain(site, kept.domain)
    if foreign and kept.stand is Stand.WITHDRAWN:
        return  # set by another company while it was allowed: no page of ours can remove it
    by = [tracker for tracker in site.trackers.values() if any(_names(one.name, kept.name) for one in tracker.cookies)]
    if foreign:
        by += [
            tracker for tracker in site.trackers.values() if any(_below(host, kept.domain) for host in tracker.hosts)
        ]
    asked = [tracker for tracker in by if not _is_necessary(site, tracker)]
    if by and not asked:
        return
    if not by and site.gate.undeclared is Undeclared.KEEP:
        return
    of = f" of {kept.domain}" if foreign else ""
    yield Fault(f"{_PLACES[kept.where]} {kept.name}{of} was kept {STANDS[kept.stand]}", asked[0].id if asked else "")


_PLACES = {
    "cookie": "the cookie",
    "local": "in localStorage",
    "session": "in sessionStorage",
    "database": "the database",
}


def _is_necessary(site: Site, tracker: Tracker) -> bool:
    return site.purposes[tracker.purpose].necessary


def _is_own_domain(site: Site, domain: str) -> bool:
    """Tell whether a cookie's domain is the site's own, or one that it lies in."""
    return any(_below(host, domain) for host in own_hosts(site))


def _below(host: str, domain: str) -> bool:
    name, domain = host.removeprefix("*.").split(":")[0], domain.lstrip(".")
    return name == domain or name.endswith(f".{domain}")


def _fits(declared: str, host: str) -> bool:
    return host.endswith(declared[1:]) if declared.startswith("*.") else host == declared


def _names(declared: str, name: str) -> bool:
    return name.startswith(declared[:-1]) if declared.endswith("*") else name == declared
