"""How long what is kept may be kept: when a row goes, when an address is shortened, when who it was is forgotten.

Pure: the store asks what becomes of a row, and does it. Times are seconds since the epoch, or days.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from . import minimise
from .events import EventKind
from .fields import OF_EVENTS
from .purposes import MAX_KEEP_DAYS
from .sites import MAX_CHOICE_DAYS, Ip, Site
from .trackers import OWN_VENDOR, VISIT, Tracker

DAY = 86_400
#: When a record has ended, its visitor has so long to have all deleted or to come back; then nobody is left in it.
ENDED_DAYS = 30
#: After so many seconds without a purge something is wrong.
OVERDUE = 48 * 3600
#: From their arrival events are settled within seconds.
_ON_THEIR_WAY = 3600
#: What nobody's rows do not keep: the address, and a number that the shop's own books know somebody by.
NAMES_SOMEBODY = frozenset({"address", "order"})
#: Kinds of events that stand under their own tracker's permission; the others are the visit log's.
_OF_TRACKERS = {EventKind.BEACON.value, EventKind.CLICK.value}

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stage:
    """What becomes of the rows that have reached an age. Each row is looked at once for each stage.

    :param name: also says of which rows, so that the stage begins anew where that changes.
    :param days: the age.
    :param ends: whether a row of a kind and tracker goes; None where rows are changed instead.
    :param change: returns the fields that are left.
    """

    name: str
    days: int
    ends: Callable[[str, str], bool] | None = None
    change: Callable[[Fields], dict[str, str]] | None = None

    def before(self, now: int) -> int:
        """Return the moment before which rows have reached the age. Those that may still be on their way have not."""
        return now - max(self.days * DAY, _ON_THEIR_WAY)


@dataclass(frozen=True, slots=True)
class Rules:
    """How long a site keeps what.

    :param stages: of its events.
    :param choice_days: how long a grant holds.
    :param totals_days: how long counts are kept, with nobody in them.
    """

    site: str
    stages: tuple[Stage, ...]
    choice_days: int = MAX_CHOICE_DAYS
    totals_days: int = MAX_KEEP_DAYS

    def expired_before(self, now: int) -> int:
        """Return the moment before which a grant that still stands was given too long ago."""
        return now - (self.choice_days + 1) * DAY  # it holds to the end of its last day, wherever that is


def rules_of(site: Site) -> Rules:
    """Return a site's rules."""
    by_tracker = {name: _tracker_days(site, tracker) for name, tracker in site.trackers.items()}
    log = by_tracker[VISIT]
    ending = [
        _ending(days, {name for name, kept in by_tracker.items() if kept <= days}, log=log)
        for days in sorted({*by_tracker.values(), MAX_KEEP_DAYS})
    ]
    return Rules(site.id, (*ending, *_changing(site, log)), site.choice_days)


def rules_of_nobody(site: str) -> Rules:
    """Return the rules for what is left of a site that is declared no more: the longest that any may have."""
    stages = (_ending(MAX_KEEP_DAYS, (), log=MAX_KEEP_DAYS), _shortening(Ip.TRUNCATED, 30))
    return Rules(site, stages)


def without_names(fields: Fields) -> dict[str, str]:
    """Return what is left of an event's fields when it is nobody's any more."""
    return {name: value for name, value in fields.items() if name not in NAMES_SOMEBODY}


def _tracker_days(site: Site, tracker: Tracker) -> int:
    # What a vendor keeps is the vendor's; of what is ours, visitors were told how long we keep it.
    told = tracker.retention_days if tracker.vendor == OWN_VENDOR else MAX_KEEP_DAYS
    return min(told, site.purposes[tracker.purpose].keep_days, MAX_KEEP_DAYS)


def _ending(days: int, trackers: Collection[str], *, log: int) -> Stage:
    def ends(kind: str, tracker: str) -> bool:
        if days >= MAX_KEEP_DAYS:
            return True
        return tracker in trackers if kind in _OF_TRACKERS else log <= days

    return Stage(f"end:{days}:{_mark([*trackers, str(log)])}", days, ends=ends)


def _changing(site: Site, log: int) -> list[Stage]:
    stages = [] if site.ip is Ip.FULL and site.ip_full_days >= log else [_address(site)]
    limits = {site.purposes[purpose].keep_days for purpose in (*site.fields.values(), *site.events.values())}
    for days in sorted(days for days in limits if days < log):
        over = frozenset(purpose.id for purpose in site.purposes.values() if purpose.keep_days <= days)
        purposes = [f"{name}={purpose}" for name, purpose in (*site.fields.items(), *site.events.items())]
        stages.append(Stage(f"fields:{days}:{_mark([*over, *purposes])}", days, change=partial(_expire, site, over)))
    return stages


def _address(site: Site) -> Stage:
    if site.ip is Ip.NONE:
        return Stage("address:none", 0, change=partial(_without, frozenset({"address"})))
    return _shortening(Ip.TRUNCATED, 0 if site.ip is Ip.TRUNCATED else site.ip_full_days)


def _shortening(ip: Ip, days: int) -> Stage:
    return Stage(f"address:{ip.value}", days, change=partial(_shorten, ip))


def _shorten(ip: Ip, fields: Fields) -> dict[str, str]:
    left = dict(fields)
    if "address" in left and "/" not in left["address"]:
        left["address"] = minimise.keep_address(left["address"], ip)
    return {name: value for name, value in left.items() if value}


def _expire(site: Site, over: frozenset[str], fields: Fields) -> dict[str, str]:
    """Return what is left when the time of some purposes is over."""
    gone = {name for name, purpose in site.fields.items() if purpose in over}
    if "event" in fields:
        by = site.events.get(fields["event"], site.fields["event"])
        gone = gone | set(OF_EVENTS) if by in over else gone - set(OF_EVENTS)
    return _without(frozenset(gone), fields)


def _without(names: frozenset[str], fields: Fields) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name not in names}


def _mark(names: Collection[str]) -> str:
    return sha256("\n".join(sorted(names)).encode()).hexdigest()[:12]
