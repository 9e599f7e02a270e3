"""The decision. Everything that affects whether something may fire is in this file, and nowhere else.

``static/js/decide.js`` is the same function for the browser; ``tests/cases/decisions.json`` is run by both.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from .choices import Choice, State
from .purposes import AgeBand, Purpose
from .signals import Signal
from .sites import Site
from .trackers import Tracker

DAY = 86_400  # seconds
_EPOCH = 719_163  # date(1970, 1, 1).toordinal()


class Reason(StrEnum):
    """Why a decision came out as it did."""

    NECESSARY = "necessary"
    GRANTED = "granted"
    FAIL_CLOSED = "fail_closed"
    MINOR = "minor"
    RESTRICTED = "restricted"
    SIGNAL = "signal"
    NO_CHOICE = "no_choice"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    OTHER_SITE = "other_site"
    STALE_NOTICE = "stale_notice"


class Status(StrEnum):
    """What a subject's own requests have made of them."""

    ACTIVE = "active"
    RESTRICTED = "restricted"
    ERASED = "erased"
    OBJECTING = "objecting"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever is asking, as far as a decision needs to know.

    :param age_band: what another source than the choice says; None where none did. The youngest of all counts.
    """

    choice: Choice | None = None
    signals: frozenset[Signal] = frozenset()
    age_band: AgeBand | None = None
    status: Status = Status.ACTIVE


@dataclass(frozen=True, slots=True)
class Allowed:
    """It may fire. Whoever writes an event must hold one of these: permission is a value.

    :param record: the consent record that proves it, where the server knows it; once that is replaced, so is this.
    """

    reason: Reason
    site: str
    tracker: str
    purpose: str
    notice: int | None = None
    record: bytes = b""

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Denied:
    """It must not fire."""

    reason: Reason

    def __bool__(self) -> bool:
        return False


Decision = Allowed | Denied


def decide(tracker: str, visitor: Visitor, site: Site, *, now: int) -> Decision:
    """Decide whether a tracker may fire. The first rule that applies wins.

    :param tracker: a tracker's id.
    :param now: seconds since the epoch.
    """
    declared = site.trackers.get(tracker)
    if declared is None:
        return Denied(Reason.FAIL_CLOSED)
    if declared.loads:
        return _decide_loader(declared, visitor, site, now=now)

    def granted(choice: Choice) -> Reason | None:
        told = site.told[choice.notice][tracker]
        if not told:
            return Reason.STALE_NOTICE
        return None if all(choice.grants(declared.purpose, asked) for asked in told) else Reason.REFUSED

    return _rules(declared.purpose, tracker, granted, visitor, site, now=now)


def _decide_loader(loader: Tracker, visitor: Visitor, site: Site, *, now: int) -> Decision:
    """Decide about a tag manager: for itself it is for nothing, so it may run when anything that it loads may.

    Its own vendor must have been told of all the same, and the visitor may except it (VG Hannover, 19 March 2025:
    a tag manager itself needs consent).
    """
    loaded = [decide(child, visitor, site, now=now) for child in loader.loads]
    allowed = next((decision for decision in loaded if isinstance(decision, Allowed)), None)
    if allowed is None:
        return loaded[0]
    choice = visitor.choice
    if allowed.reason is Reason.GRANTED and choice is not None:
        if not site.told[choice.notice][loader.id]:
            return Denied(Reason.STALE_NOTICE)
        if loader.purpose in choice.purposes and loader.id in choice.trackers:
            return Denied(Reason.REFUSED)
    return replace(allowed, tracker=loader.id)


def decide_purpose(purpose: str, visitor: Visitor, site: Site, *, now: int) -> Decision:
    """Decide whether the site itself may do something for a purpose, such as keep a field of an event.

    The same rules as :func:`decide`, with the purpose's own bit in place of a tracker's.
    """

    def granted(choice: Choice) -> Reason | None:
        if purpose not in site.notices[choice.notice].purposes:
            return Reason.STALE_NOTICE
        return None if purpose in choice.purposes else Reason.REFUSED

    return _rules(purpose, "", granted, visitor, site, now=now)


def _rules(
    purpose_id: str,
    tracker: str,
    granted: Callable[[Choice], Reason | None],
    visitor: Visitor,
    site: Site,
    *,
    now: int,
) -> Decision:
    # 1. In doubt, nothing fires.
    purpose = site.purposes.get(purpose_id)
    if purpose is None or site.notice is None:
        return Denied(Reason.FAIL_CLOSED)

    # 2. What the site cannot work without, each with its written justification.
    if purpose.necessary:
        return Allowed(Reason.NECESSARY, site.id, tracker, purpose.id)

    # 3. Minors are not tracked.
    if _minor(purpose, visitor):
        return Denied(Reason.MINOR)

    # 4. A subject's own request to stop.
    if visitor.status is not Status.ACTIVE:
        return Denied(Reason.RESTRICTED)

    # 5. A browser's objection, unless the visitor lifted it by the separate switch.
    if _objected(purpose, visitor):
        return Denied(Reason.SIGNAL)

    # 6. Consent must exist, be this site's, be fresh, and have been told of this purpose and recipient.
    choice = visitor.choice
    if choice is None:
        return Denied(Reason.NO_CHOICE)
    denied = _no_consent(choice, site, now=now) or granted(choice)
    if denied is not None:
        return Denied(denied)

    # 7. The visitor granted it.
    return Allowed(Reason.GRANTED, site.id, tracker, purpose.id, choice.notice)


def _minor(purpose: Purpose, visitor: Visitor) -> bool:
    said = {visitor.age_band, visitor.choice.age_band if visitor.choice else None}
    return any(band is not None and band < purpose.min_age for band in said)


def _objected(purpose: Purpose, visitor: Visitor) -> bool:
    lifted = visitor.choice is not None and purpose.id in visitor.choice.override
    return not lifted and not purpose.denied_by.isdisjoint(visitor.signals)


def _no_consent(choice: Choice, site: Site, *, now: int) -> Reason | None:
    if choice.site != site.id:
        return Reason.OTHER_SITE
    if choice.notice not in site.notices:
        return Reason.FAIL_CLOSED
    if expired(choice, site, now=now):
        return Reason.EXPIRED
    if choice.state is State.WITHDRAWN:
        return Reason.WITHDRAWN
    if choice.state is State.REFUSED:
        return Reason.REFUSED
    return None


def expired(choice: Choice, site: Site, *, now: int) -> bool:
    """Tell whether a choice has run out: it holds for the day it was made and ``choice_days`` days after it."""
    return now // DAY + _EPOCH - choice.day.toordinal() > site.choice_days
