"""Histories: as much of a visitor's past as it takes to know their next visit when it begins."""

from typing import NamedTuple

#: A visit ends when its visitor has done nothing for longer than this, in seconds (as in GA4 and Matomo).
VISIT_GAP = 30 * 60


class History(NamedTuple):
    """A visitor who has been here, and their latest visit.

    :param number: the visitor's own on this site; they are given in turn, from 0.
    :param last_at: when they last did anything, in seconds since the epoch.
    :param day: the day on which the visit began, in the site's time zone; all that is counted of it goes there.
    :param ordinal: the visit's number among those of its day, from 0.
    :param returning: whether it is not their first.
    :param bot: whether it was begun by a machine that says so.
    :param page: the path of the page they viewed last on it; empty before the first.
    """

    number: int
    last_at: int
    day: str
    ordinal: int
    returning: bool
    bot: bool
    page: str = ""

    def goes_on(self, at: int) -> bool:
        """Tell whether what happens at a moment is still of this visit."""
        return at - self.last_at <= VISIT_GAP
