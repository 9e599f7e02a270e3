"""What has just happened on a site: by how much its counts of today have grown.

Counts are read, never events, so that there is nobody in it, and every process on any machine tells the same. What
those do who did not agree is in other counts, which are not looked at.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gatekeeper.core.rollups import What
from gatekeeper.store.contract import Store

#: What is told, as it happens. Searches and where visitors come from or go to are left out: one of these may be one
#: person's.
_TOLD = (What.PAGE, What.PAGE_OUTCOME, What.EVENT, What.BEACON, What.CLICK)
#: How many different things of one kind are looked at.
_MOST = 5000


class Happening(NamedTuple):
    """Something that has happened.

    :param page: its path; empty where that is not known.
    :param name: of an event of the site's own.
    """

    what: str
    page: str = ""
    tracker: str = ""
    outcome: str = ""
    reason: str = ""
    name: str = ""


def counts(store: Store, site: str, day: str) -> dict[Happening, int]:
    """Return how often each thing has happened on a day.

    :raises StoreUnavailable: it cannot be read just now.
    """
    return dict(_counts(store, site, day))


def _counts(store: Store, site: str, day: str) -> Iterator[tuple[Happening, int]]:
    for what in _TOLD:
        for row in store.panel(site, what, day, day, limit=_MOST):
            match what:
                case What.PAGE:
                    happening = Happening("page", row.name)
                case What.PAGE_OUTCOME:
                    happening = Happening("outcome", row.page, row.name, row.outcome, row.reason)
                case What.EVENT:
                    happening = Happening("event", name=row.name)
                case _:
                    happening = Happening(what.value, tracker=row.name)
            if row.n:  # a page has a row too where only a report of its view came on this day
                yield happening, row.n


def since(before: Mapping[Happening, int], now: Mapping[Happening, int]) -> dict[Happening, int]:
    """Return what has happened between two readings of one day, and how often."""
    grown = {happening: n - before.get(happening, 0) for happening, n in now.items()}
    return {happening: n for happening, n in grown.items() if n > 0}
