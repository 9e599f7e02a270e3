"""The decision. Everything that affects whether something may fire is in this file, and nowhere else.

``static/js/decide.js`` is the same function for the browser; ``tests/cases/decisions.json`` is run by both.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

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


class Rule(IntEnum):
    """The rules, in the order in which they are asked."""

    KNOWN = 1
    NECESSARY = 2
    AGE = 3
    STATUS = 4
    SIGNAL = 5
    CONSENT = 6
    GRANTED = 7


@dataclass(frozen=True, slots=True)
class Step:
    """A rule that was asked.

    :param tracker: about which: a tag manager asks for what it loads; empty where a purpose was asked about.
    :param decision: None where the rule did not apply, so that the next one was asked.
    """

    rule: Rule
    tracker: str
    decision: Decision | None


#: A decision, and the rule that made it.
_Ruled = tuple[Rule, Decision]


def decide(tracker: str, visitor: Visitor, site: Site, *, now: int) -> Decision:
    """Decide whether a tracker may fire. The first rule that applies wins.

    :param tracker: a tracker's id.
    :param now: seconds since the epoch.
    """
    return _ask(tracker, visitor, site, now=now)[1]


def decide_purpose(purpose: str, visitor: Visitor, site: Site, *, now: int) -> Decision:
    """Decide whether the site itself may do something for a purpose, such as keep a field of an event.

    The same rules as :func:`decide`, with the purpose's own bit in place of a tracker's.
    """
    return _ask_purpose(purpose, visitor, site, now=now)[1]


def explain(tracker: str, visitor: Visitor, site: Site, *, now: int) -> list[Step]:
    """Return the rules that :func:`decide` asks, in their order. The last is the one that decides."""
    rule, decision = _ask(tracker, visitor, site, now=now)
    declared = site.trackers.get(tracker)
    if declared is None or not declared.loads:
        return _steps(tracker, rule, decision)
    loaded = _loaded(declared, visitor, site, now=now)
    if not isinstance(loaded[2], Allowed):
        return _steps(*loaded)
    # What it loads may run; the loader's own word comes after that.
    return [*_steps(loaded[0], loaded[1], None), Step(rule, tracker, decision)]


def explain_purpose(purpose: str, visitor: Visitor, site: Site, *, now: int) -> list[Step]:
    """Return the rules that :func:`decide_purpose` asks, likewise."""
    return _steps("", *_ask_purpose(purpose, visitor, site, now=now))


def _steps(tracker: str, rule: Rule, decision: Decision | None) -> list[Step]:
    """Return the rule that made a decision, after those that did not apply: they are asked in order."""
    return [*(Step(before, tracker, None) for before in Rule if before < rule), Step(rule, tracker, decision)]


def _ask(tracker: str, visitor: Visitor, site: Site, *, now: int) -> _Ruled:
    declared = site.trackers.get(tracker)
    if declared is None:
        return Rule.KNOWN, Denied(Reason.FAIL_CLOSED)
    if declared.loads:
        return _ask_loader(declared, visitor, site, now=now)

    def granted(choice: Choice) -> Reason | None:
        told = site.told[choice.notice][tracker]
        if not told:
            return Reason.STALE_NOTICE
        return None if all(choice.grants(declared.purpose, asked) for asked in told) else Reason.REFUSED

    return _rules(declared.purpose, tracker, granted, visitor, site, now=now)


def _ask_loader(loader: Tracker, visitor: Visitor, site: Site, *, now: int) -> _Ruled:
    """Decide about a tag manager: for itself it is for nothing, so it may run when anything that it loads may.

    Its own vendor must have been told of all the same, and the visitor may except it (VG Hannover, 19 March 2025:
    a tag manager itself needs consent).
    """
    _, rule, decision = _loaded(loader, visitor, site, now=now)
    if not isinstance(decision, Allowed):
        return rule, decision
    choice = visitor.choice
    if decision.reason is Reason.GRANTED and choice is not None:
        if not site.told[choice.notice][loader.id]:
            return Rule.CONSENT, Denied(Reason.STALE_NOTICE)
        if loader.purpose in choice.purposes and loader.id in choice.trackers:
            return Rule.CONSENT, Denied(Reason.REFUSED)
    return rule, replace(decision, tracker=loader.id)


def _loaded(loader: Tracker, visitor: Visitor, site: Site, *, now: int) -> tuple[str, Rule, Decision]:
    """Return the first tracker that a tag manager loads and that may run; where none may, the first of all."""
    asked = [(child, *_ask(child, visitor, site, now=now)) for child in loader.loads]
    return next((one for one in asked if isinstance(one[2], Allowed)), asked[0])


def _ask_purpose(purpose: str, visitor: Visitor, site: Site, *, now: int) -> _Ruled:
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
) -> _Ruled:
    # 1. In doubt, nothing fires.
    purpose = site.purposes.get(purpose_id)
    if purpose is None or site.notice is None:
        return Rule.KNOWN, Denied(Reason.FAIL_CLOSED)

    # 2. What the site cannot work without, each with its written justification.
    if purpose.necessary:
        return Rule.NECESSARY, Allowed(Reason.NECESSARY, site.id, tracker, purpose.id)

    # 3. Minors are not tracked.
    if _minor(purpose, visitor):
        return Rule.AGE, Denied(Reason.MINOR)

    # 4. A subject's own request to stop.
    if visitor.status is not Status.ACTIVE:
        return Rule.STATUS, Denied(Reason.RESTRICTED)

    # 5. A browser's objection, unless the visitor lifted it by the separate switch.
    if _objected(purpose, visitor):
        return Rule.SIGNAL, Denied(Reason.SIGNAL)

    # 6. Consent must exist, be this site's, be fresh, and have been told of this purpose and recipient.
    choice = visitor.choice
    if choice is None:
        return Rule.CONSENT, Denied(Reason.NO_CHOICE)
    denied = _no_consent(choice, site, now=now) or granted(choice)
    if denied is not None:
        return Rule.CONSENT, Denied(denied)

    # 7. The visitor granted it.
    return Rule.GRANTED, Allowed(Reason.GRANTED, site.id, tracker, purpose.id, choice.notice)


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
