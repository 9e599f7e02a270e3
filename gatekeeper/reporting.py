"""Reports: a site's panels of some days, as text for a terminal, as CSV or JSON, or as one page to print or keep.

They are written from the same panels as the dashboard's own pages, so that no number differs.
"""

import unicodedata
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, Template

from gatekeeper import assets
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.panels import Asked, Cell, Column, Panel, Unit
from gatekeeper.core.sites import Site
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.panels.known import is_known
from gatekeeper.panels.sources import Listed, Sources
from gatekeeper.panels.writing import say, value_of
from gatekeeper.store.books import Mark

#: The longest range that is counted: ten years.
MOST_DAYS = 3660
#: The first day that anything could have been counted on.
_EARLIEST = date(2000, 1, 1)
#: So wide is a cell at most in a terminal; a longer one is cut.
_WIDEST = 48


@dataclass(frozen=True, slots=True)
class Report:
    """A site's panels of some days.

    :param today: when it was made, in the site's time zone.
    :param marks: what happened on those days, which charts show.
    """

    site: Site
    asked: Asked
    today: str
    panels: Sequence[Panel]
    marks: Sequence[Mark]


def make(sources: Sources, asked: Asked, names: Sequence[str]) -> Report:
    """Return a report.

    :param names: of panels, in their order; none is all that are not about one thing, and with an ``about`` all that
        are.
    :raises InvalidInput: a panel is not there, or is about one thing and that is not named.
    """
    listed = [_listed(name) for name in names] or [
        one for one in PANELS.values() if bool(one.about) == bool(asked.about)
    ]
    for one in listed:
        _check_about(one, asked.about, sources.site)
    if asked.about and not is_known(sources, asked):
        known = ", ".join(sources.site.trackers)
        raise InvalidInput(f"--about {asked.about[:64]!r} is no tracker that was met: try one of {known}")
    panels = [one.make(sources, asked) for one in listed]
    marks = sources.store.marks.marks(sources.site.id, asked.first, asked.last)
    return Report(sources.site, asked, sources.site.day_of(sources.now), panels, marks)


def asked_of(site: Site, *, now: int, days: int, first: str = "", last: str = "", about: str = "") -> Asked:
    """Return what panels are asked: some days, and as many before them.

    :param days: so many up to today, where neither a first nor a last day is named.
    :raises InvalidInput: a day is none, or they are in the wrong order, or too many.
    """
    end = _day("--last", last) if last else date.fromisoformat(site.day_of(now))
    begin = _day("--first", first) if first else end - timedelta(days=days - 1)
    if begin > end:
        raise InvalidInput(f"the first day {begin} comes after the last, {end}: swap them")
    if (end - begin).days >= MOST_DAYS or begin < _EARLIEST:
        raise InvalidInput(f"{begin} to {end} is too long: ask for at most {MOST_DAYS} days, from {_EARLIEST} on")
    before = begin - timedelta(days=1)
    return Asked(str(begin), str(end), str(before - (end - begin)), str(before), about=about)


def _day(option: str, value: str) -> date:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = date.min
    if day.isoformat() != value or day < _EARLIEST:  # Python takes other ways of writing a day, too
        rule = f"not a day since {_EARLIEST.year} written as year-month-day"
        raise InvalidInput(f"{option} {value[:32]!r} is {rule}: try {option} 2026-11-22")
    return day


def _listed(name: str) -> Listed:
    if name not in PANELS:
        raise InvalidInput(f"panel {name[:64]!r} is not one of those there are: `gatekeeper report --list` shows them")
    return PANELS[name]


def _check_about(listed: Listed, about: str, site: Site) -> None:
    if listed.about and not about:
        known = ", ".join(site.trackers)
        raise InvalidInput(f"panel {listed.id!r} is about one {listed.about}: name it with --about, one of {known}")
    if about and not listed.about:
        raise InvalidInput(f"panel {listed.id!r} is not about one thing: leave --about {about[:64]!r} out")


def heading(report: Report) -> str:
    """Return what a report is of, on one line."""
    about = f", {report.asked.about}" if report.asked.about else ""
    return _clean(f"{report.site.name}{about}: {report.asked.first} to {report.asked.last}")


# Text


def to_text(report: Report, *, most: int) -> str:
    """Return a report as aligned tables.

    :param most: so many rows of a table; 0 is all.
    """
    asked = report.asked
    beside = (
        f"Set beside {asked.before_first} to {asked.before_last}. Days begin at midnight in {report.site.time_zone}."
    )
    title = heading(report)
    parts = [f"{title}\n{'=' * _width(title)}\n{beside}"]
    if report.marks:
        parts.append("\n".join(_clean(f"{mark.day}  {mark.text}") for mark in report.marks))
    parts += ["\n".join(_lines(panel, most)) for panel in report.panels]
    return "\n\n".join(parts) + "\n"


def _lines(panel: Panel, most: int) -> Iterator[str]:
    title = _clean(f"{panel.title} ({panel.id})")
    yield title
    yield "-" * _width(title)
    if panel.missing:
        yield f"Not measured. {panel.missing}"
    elif not panel.rows:
        yield "Nothing was counted on these days."
    else:
        left = len(panel.rows) - most if most else 0
        # Of days, the last matter; all else has the largest first.
        last = panel.columns[0].unit is Unit.DAY
        yield from _table(panel.columns, panel.rows[-most:] if last else panel.rows[: most or None])
        if left > 0:
            yield f"... and {left} {'days before' if last else 'more'}; --rows 0 shows all"
    if panel.note:
        yield f"Note: {_clean(panel.note)}"


def _table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> Iterator[str]:
    words = [column.unit in {Unit.TEXT, Unit.DAY} for column in columns]
    told = [[_cut(column.title) for column in columns]]
    told += [[_cut(say(cell, column.unit)) for cell, column in zip(row, columns, strict=True)] for row in rows]
    widths = [max(_width(row[at]) for row in told) for at in range(len(columns))]
    for row in told:
        yield "  ".join(
            _set(text, width, left=left) for text, width, left in zip(row, widths, words, strict=True)
        ).rstrip()


def _set(text: str, width: int, *, left: bool) -> str:
    room = " " * (width - _width(text))
    return text + room if left else room + text


def _cut(text: str) -> str:
    clean = _clean(text) or "(none)"
    while _width(clean) > _WIDEST:
        clean = clean[: min(len(clean) - 1, _WIDEST - 1)].removesuffix("…") + "…"
    return clean


def _clean(text: str) -> str:
    """Return a text without what a terminal obeys or turns around: names come from pages, too."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _width(text: str) -> int:
    """Return how many places of a terminal a text takes (Unicode Standard Annex 11)."""
    wide = sum(unicodedata.east_asian_width(sign) in {"W", "F"} for sign in text)
    return len(text) + wide - sum(unicodedata.combining(sign) != 0 for sign in text)


# Files


def to_json(report: Report) -> bytes:
    """Return a report as a JSON file. None is not measured; ``{"hidden": "few"}`` are fewer than are shown."""
    asked = report.asked
    told: dict[str, Any] = {
        "site": report.site.id,
        "first": asked.first,
        "last": asked.last,
        "about": asked.about,
        "panels": [value_of(panel) for panel in report.panels],
    }
    return msgspec.json.format(msgspec.json.encode(told)) + b"\n"


def to_html(report: Report) -> str:
    """Return a report as one page that needs nothing else: its style and its charts stand in it."""
    charts = {panel.id: chart for panel in report.panels if (chart := _chart(panel, report.marks))}
    return _template().render(report=report, heading=heading(report), charts=charts)


def _chart(panel: Panel, marks: Sequence[Mark]) -> str:
    """Return a panel's chart as an address that holds it; a picture runs nothing, whatever it says."""
    if panel.chart is None or panel.missing or not panel.rows:
        return ""
    # It takes as long to load as all else of a command.
    from gatekeeper.panels.charts import draw

    return f"data:image/svg+xml;base64,{b64encode(draw(panel, marks, dark=False)).decode()}"


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(assets.templates()), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["say"] = say
    return environment.get_template("staff/report.html")
