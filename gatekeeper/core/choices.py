"""Choices: what a visitor said, and the ``gk_choice`` cookie that holds it.

The value is ``1.<site>.<notice no>.<YYYYMMDD>.<state>.<purpose bits>.<tracker bits>.<age band>.<override bits>``.
Bits are hexadecimal and index the notice's own lists, the first entry being the lowest bit. It holds no id and no
clock time: two visitors who refuse on one day hold the same bytes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from .errors import BadChoice
from .notices import Notice
from .purposes import AgeBand

VERSION = "1"
#: Longer values are refused unread; ``gatekeeper check`` fails a site that could need more.
MAX_VALUE = 512

_FORM = re.compile(
    rf"{VERSION}\.(?P<site>[a-z][a-z0-9-]{{1,31}})\.(?P<notice>[1-9][0-9]{{0,5}})\.(?P<day>[0-9]{{8}})"
    r"\.(?P<state>g|[rw]p?)(?P<objects>x?)"
    r"\.(?P<purposes>[0-9a-f]+)\.(?P<trackers>[0-9a-f]+)\.(?P<age>-|0|13|16|18)\.(?P<override>[0-9a-f]+)",
)


class State(StrEnum):
    """What a choice amounts to."""

    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


_LETTERS = {State.GRANTED: "g", State.REFUSED: "r", State.WITHDRAWN: "w"}
_STATES = {letter: state for state, letter in _LETTERS.items()}


@dataclass(frozen=True, slots=True)
class Choice:
    """What a visitor said about one notice.

    :param day: when, UTC; a choice has no clock time.
    :param purposes: granted purposes.
    :param trackers: trackers whose answer is the opposite of their purpose's: the visitor's own exceptions.
    :param override: purposes allowed although the browser's signal objects, by a separate switch.
    :param pending: the browser has not yet been able to tell the server (only of refusals and withdrawals).
    :param objects: the visitor objects to anonymous totals as well.
    """

    site: str
    notice: int
    day: date
    state: State
    purposes: frozenset[str] = frozenset()
    trackers: frozenset[str] = frozenset()
    override: frozenset[str] = frozenset()
    age_band: AgeBand | None = None
    pending: bool = False
    objects: bool = False

    def grants(self, purpose: str, tracker: str) -> bool:
        """Tell whether the visitor granted a purpose and did not except the tracker (or the reverse)."""
        return (purpose in self.purposes) != (tracker in self.trackers)


def write_choice(choice: Choice, notice: Notice) -> str:
    """Return the ``gk_choice`` value of a choice.

    :param notice: the notice that the choice is about; its lists give the bits their meaning.
    """
    flags = ("p" if choice.pending else "") + ("x" if choice.objects else "")
    parts = (
        VERSION,
        choice.site,
        str(choice.notice),
        choice.day.isoformat().replace("-", ""),
        _LETTERS[choice.state] + flags,
        _bits(choice.purposes, notice.purposes),
        _bits(choice.trackers, notice.trackers),
        "-" if choice.age_band is None else str(int(choice.age_band)),
        _bits(choice.override, notice.purposes),
    )
    return ".".join(parts)


def read_choice(value: str, notices: Mapping[int, Notice]) -> Choice:
    """Read a ``gk_choice`` value.

    :param notices: the site's published notices, by number.
    :raises BadChoice: the form is wrong, the notice was never published, or a bit has no entry in its lists.
    """
    match = _FORM.fullmatch(value) if len(value) <= MAX_VALUE else None
    if match is None:
        raise BadChoice("not a gk_choice value of version 1")
    notice = notices.get(int(match["notice"]))
    if notice is None or notice.site != match["site"]:
        raise BadChoice(f"notice {match['notice']} of site {match['site']!r} was never published here")
    return Choice(
        site=match["site"],
        notice=notice.no,
        day=_day(match["day"]),
        state=_STATES[match["state"][0]],
        purposes=_names(match["purposes"], notice.purposes),
        trackers=_names(match["trackers"], notice.trackers),
        override=_names(match["override"], notice.purposes),
        age_band=None if match["age"] == "-" else AgeBand(int(match["age"])),
        pending=match["state"].endswith("p"),
        objects=bool(match["objects"]),
    )


def _day(text: str) -> date:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError as error:
        raise BadChoice(f"{text} is not a day") from error


def _bits(names: frozenset[str], order: Sequence[str]) -> str:
    return format(sum(1 << index for index, name in enumerate(order) if name in names), "x")


def _names(bits: str, order: Sequence[str]) -> frozenset[str]:
    number = int(bits, 16)
    if number >> len(order):
        raise BadChoice(f"bits {bits} name more than the {len(order)} entries of the notice")
    return frozenset(name for index, name in enumerate(order) if number >> index & 1)
