"""Panels: what the dashboard shows, as values. One table of numbers each, and how to draw it.

The page, the chart, the file and the API are all written from the same panel, so that they cannot differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from .rollups import What


class Unit(StrEnum):
    """What a column holds."""

    TEXT = "text"
    #: An ISO date.
    DAY = "day"
    #: A whole number.
    COUNT = "count"
    #: A part of a whole, from 0 to 1.
    SHARE = "share"
    #: How much more there is than before, as a part of that; less than 0 where there is less.
    CHANGE = "change"
    #: The same between two shares: their difference.
    POINTS = "points"
    SECONDS = "seconds"
    #: In whole units of a currency that another column names.
    MONEY = "money"


class Hidden(Enum):
    """A number that is not shown."""

    #: Fewer people than the site's smallest group.
    FEW = "few"


#: None is a number that is not measured, which is not 0.
Cell = str | int | float | Hidden | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a panel.

    :param id: as files and the API call it: lower case, with underscores.
    :param title: as people read it.
    """

    id: str
    title: str
    unit: Unit = Unit.COUNT


class Shape(StrEnum):
    """How a chart is drawn."""

    #: A line for each series, over days.
    LINES = "lines"
    #: A bar for each row, the longest first.
    BARS = "bars"
    #: For each row, one bar of all series.
    STACKED = "stacked"


@dataclass(frozen=True, slots=True)
class Chart:
    """How a panel's numbers are drawn: all of them are columns of its table.

    :param across: the column of what is told apart: days, names.
    :param series: the columns that are drawn.
    """

    shape: Shape
    across: str
    series: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """A table of numbers, and how it is drawn.

    :param id: as addresses have it, such as ``choices-by-day``.
    :param rows: a cell for each column.
    :param links: for each row, where more of it is told, relative to the site's dashboard; empty where nowhere.
    :param note: what a reader has to know to read it right.
    :param missing: why nothing is measured; empty where it is.
    """

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    chart: Chart | None = None
    links: tuple[str, ...] = ()
    note: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a panel is asked about.

    :param first: an ISO date, in the site's time zone; so are the others. All are included.
    :param before_first: where the period begins that this one is set beside: as long, and just before.
    :param where: facets and the values that visits must have.
    :param bot: machines that say what they are, instead of people.
    :param about: what the page is about, where it is about one thing: a tracker.
    """

    first: str
    last: str
    before_first: str
    before_last: str
    where: Mapping[What, str] = field(default_factory=dict)
    bot: bool = False
    about: str = ""
