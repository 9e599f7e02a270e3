"""Trackers and their vendors: everything that may fire, and who receives what it sends."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a tracker technically is."""

    SCRIPT = "script"
    LOADER = "loader"
    COOKIE = "cookie"
    STORAGE = "storage"
    BEACON = "beacon"
    EMBED = "embed"
    LINK = "link"
    MAIL = "mail"
    FORM = "form"
    LOG = "log"


class Outcome(StrEnum):
    """What became of a tracker on a page."""

    RELEASED = "released"
    REQUESTED = "requested"
    LOADED = "loaded"
    FAILED = "failed"
    BLOCKED = "blocked"
    SLIPPED = "slipped"


def fires_as(outcomes: Collection[str]) -> Outcome:
    """Return which of a tracker's outcomes says that it fired: not all tags tell that they have loaded."""
    if Outcome.LOADED in outcomes or Outcome.FAILED in outcomes:
        return Outcome.LOADED
    return Outcome.REQUESTED if Outcome.REQUESTED in outcomes else Outcome.RELEASED


class Fault(StrEnum):
    """Why the guard is not what it has to be on a page, as it tells itself: the reasons of its own ``failed``."""

    NOT_FIRST = "not_first"
    LATE = "late"
    OVERRIDDEN = "overridden"


class Consent(StrEnum):
    """The consent interfaces that vendors offer to pages."""

    GOOGLE = "google"
    MICROSOFT_UET = "microsoft-uet"
    MICROSOFT_CLARITY = "microsoft-clarity"
    META = "meta"
    TIKTOK = "tiktok"
    PINTEREST = "pinterest"


@dataclass(frozen=True, slots=True)
class Vendor:
    """Who receives what a tracker sends.

    :param country: ISO 3166-1 alpha-2.
    """

    id: str
    name: str
    country: str
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie, or another key in the browser's storage, that a tracker sets.

    :param days: how long it stays; 0 means until the browser closes.
    """

    name: str
    days: int


@dataclass(frozen=True, slots=True)
class Tracker:
    """Something that may fire.

    :param retention_days: how long the vendor keeps what it receives.
    :param marked: every tag of it in the site's pages is marked with ``data-gk``, so that it is inert until released.
    :param loads: for a loader: the trackers it loads. It runs when any of them may.
    :param consent: the vendor's own consent interface to tell, None where it has none.
    :param justification: why it is necessary; only for necessary trackers, and required there.
    """

    id: str
    kind: Kind
    purpose: str
    vendor: str
    retention_days: int
    description: str = ""
    hosts: tuple[str, ...] = ()
    cookies: tuple[Cookie, ...] = ()
    marked: bool = False
    loads: tuple[str, ...] = ()
    consent: Consent | None = None
    justification: str = ""
    reviewed_by: str = ""


#: The site itself, as the recipient of its own visit log.
OWN_VENDOR = "self"
#: Where it keeps data: at home, whichever country that is.
OWN_COUNTRY = "--"
#: The built-in tracker that stands for the visit log.
VISIT = "visit"
#: The guard itself, in outcomes about it.
GUARD = "gatekeeper"

Trackers = Mapping[str, Tracker]
