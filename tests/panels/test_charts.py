"""Charts: what they draw, for whoever sees no colours, on any screen, whatever the names are."""

import re
import sys
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.core.days import days_between
from gatekeeper.core.panels import Cell, Chart, Column, Panel, Shape, Unit
from gatekeeper.panels.charts import MOST_BARS, NARROW, WIDTH, draw, fit, picture, size, text_width
from gatekeeper.store.books import Mark, MarkKind

SVG = "{http://www.w3.org/2000/svg}"
TITLES = ("Granted", "Partly", "Refused", "Withdrawn", "Donaudampfschifffahrtsgesellschaftskapitäne", "Other")
LONG = "Rechtsschutzversicherungsgesellschaftenverzeichnisdienstleistungsunternehmen"


def by_day(first: str, last: str, series: int = 2, *, shape: Shape = Shape.LINES) -> Panel:
    columns = tuple(Column(f"s{n}", TITLES[n]) for n in range(series))
    rows = tuple((day, *(100 * n + at % 7 for n in range(series))) for at, day in enumerate(days_between(first, last)))
    ids = tuple(column.id for column in columns)
    return Panel("choices", "Choices", (Column("day", "Day", Unit.DAY), *columns), rows, Chart(shape, "day", ids))


def by_name(names: list[str], series: int = 1, *, shape: Shape = Shape.BARS) -> Panel:
    columns = tuple(Column(f"s{n}", TITLES[n]) for n in range(series))
    rows = tuple((name, *(90 // (at + n + 1) for n in range(series))) for at, name in enumerate(names))
    ids = tuple(column.id for column in columns)
    return Panel("pages", "Pages", (Column("name", "Name", Unit.TEXT), *columns), rows, Chart(shape, "name", ids))


WEEK = by_day("2026-11-16", "2026-11-22", 4)
PANELS = {
    "lines": WEEK,
    "a year": by_day("2025-11-23", "2026-11-22", 6),
    "a day": by_day("2026-11-22", "2026-11-22"),
    "bars": by_name(["/", "/tea", LONG]),
    "bars beside others": by_name(["/", LONG], 2),
    "stacked": by_name(["/", LONG, "/cups"], 6, shape=Shape.STACKED),
    "days as bars": by_day("2026-11-01", "2026-11-22", 3, shape=Shape.STACKED),
    "nothing but zeros": replace(by_name(["/", "/tea"]), rows=(("/", 0), ("/tea", 0))),
    "nothing measured": replace(by_name(["/", "/tea"]), rows=(("/", None), ("/tea", None))),
    "nothing": replace(WEEK, rows=()),
    "no series": by_day("2026-11-16", "2026-11-22", 0),
    "no series of bars": by_name(["/"], 0),
    "less than nothing": replace(by_name(["/", "/tea"]), rows=(("/", -5), ("/tea", 3))),
}
MARKS = [
    Mark("shop", "2026-11-17", MarkKind.NOTICE, "2", "Notice 2 was published"),
    Mark("shop", "2026-11-22", MarkKind.NOTE, "a", LONG),
    Mark("shop", "2026-11-22", MarkKind.GUARD, "b", "Another version"),
    Mark("shop", "2026-10-01", MarkKind.NOTE, "c", "Long ago"),
]


def drawn(panel: Panel, **more: bool | None) -> ElementTree.Element:
    return ElementTree.fromstring(draw(panel, MARKS, **more))


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]


def lines(root: ElementTree.Element) -> list[ElementTree.Element]:
    return [node for node in root.iter(f"{SVG}path") if "line reactive" in node.get("class", "")]


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("case", PANELS)
def test_a_chart_can_be_drawn_and_is_as_large_as_was_said(case: str, narrow: bool) -> None:
    root = drawn(PANELS[case], narrow=narrow)

    assert (int(root.get("width", "")), int(root.get("height", ""))) == size(PANELS[case], narrow=narrow)
    assert int(root.get("width", "")) == (NARROW if narrow else WIDTH)


@pytest.mark.parametrize("case", PANELS)
def test_a_chart_runs_and_loads_nothing(case: str) -> None:
    root = drawn(PANELS[case])

    assert {node.tag.removeprefix(SVG) for node in root.iter()} <= {
        *("svg", "title", "defs", "style", "pattern", "g", "path", "rect", "circle", "text")
    }
    addresses = re.findall(r"url\(([^)]*)\)", draw(PANELS[case]).decode())
    assert all(address.startswith("#tile-") for address in addresses)
    assert not any("href" in name or name.startswith("on") for node in root.iter() for name in node.attrib)


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("case", PANELS)
def test_no_text_leaves_the_picture(case: str, narrow: bool) -> None:
    root = drawn(PANELS[case], narrow=narrow)

    parents = {child: parent for parent in root.iter() for child in parent}
    for node in root.iter(f"{SVG}text"):
        x, parent, axis = float(node.get("x", "0")), parents[node], ""
        while parent is not root:
            moved = re.match(r"translate\((-?\d+)", parent.get("transform", ""))
            x += int(moved[1]) if moved else 0
            axis = parent.get("class", "") if "axis" in parent.get("class", "") else axis
            parent = parents[parent]
        wide = text_width("".join(node.itertext()))
        left = x - (wide if axis.startswith("axis y") else wide / 2 if axis.startswith("axis x") else 0)
        assert left >= -2, node.text
        assert left + wide <= int(root.get("width", "")) + 4, node.text


def test_each_series_has_its_own_line_dashes_and_place_in_the_legend() -> None:
    root = drawn(PANELS["a year"])

    style = next(root.iter(f"{SVG}style")).text or ""
    dashes = re.findall(r"\.series\.color-(\d) path,\.sample-\d\{stroke-dasharray:([^}]+)\}", style)
    assert len(lines(root)) == len({dash for _, dash in dashes}) == 6
    assert [text for text in texts(root) if text in TITLES] == list(TITLES)


def test_each_series_of_bars_has_its_own_pattern() -> None:
    root = drawn(PANELS["stacked"])

    tiles = {node.get("id"): [path.get("d") for path in node][-1] for node in root.iter(f"{SVG}pattern")}
    assert len(tiles) == len(set(tiles.values())) == 5


def test_bars_have_their_numbers_beside_them() -> None:
    panel = replace(by_name(["/", "/tea", "/cups"]), rows=(("/", 1234), ("/tea", None), ("/cups", 0)))

    assert texts(drawn(panel))[-2:] == ["0", "1,234"]


def test_what_is_not_measured_is_a_gap_and_a_day_between_two_gaps_a_dot() -> None:
    days = [*days_between("2026-11-16", "2026-11-22")]
    values: list[Cell] = [1, 2, None, 4, None, 6, 7]
    root = drawn(replace(by_day(days[0], days[-1], 1), rows=tuple(zip(days, values, strict=True))))

    assert len(lines(root)) == 2
    assert len([*root.iter(f"{SVG}circle")]) == 1


def test_days_are_written_as_people_do() -> None:
    assert [text for text in texts(drawn(WEEK)) if "Nov" in text] == [f"{day} Nov" for day in range(16, 23)]
    assert "Nov 2026" in texts(drawn(PANELS["a year"]))


def test_few_days_are_written_where_there_are_many() -> None:
    assert len([text for text in texts(drawn(PANELS["a year"])) if "202" in text]) <= 8


def test_marks_stand_where_their_days_are() -> None:
    root = drawn(WEEK)

    marks = [node for node in root.iter(f"{SVG}path") if node.get("class") == "mark"]
    assert len(marks) == 2
    assert [text for text in texts(root) if text.startswith(("Notice", "Rechts", "Long"))] == [
        "Notice 2",
        "Rechtsschutzver… +1",
    ]


def test_there_are_no_marks_where_no_days_are() -> None:
    assert not any(node.get("class") == "mark" for node in drawn(PANELS["bars"]).iter())


def test_a_chart_is_dark_where_its_reader_prefers_that_and_never_on_paper() -> None:
    assert "@media(prefers-color-scheme:dark)" in draw(WEEK).decode()
    assert "@media" not in draw(WEEK, dark=False).decode()
    assert draw(WEEK, dark=True) != draw(WEEK, dark=False)


def test_only_so_many_bars_are_drawn() -> None:
    root = drawn(by_name([f"/{n}" for n in range(40)]))

    assert [text for text in texts(root) if text.startswith("/")] == [f"/{n}" for n in reversed(range(MOST_BARS))]


hostile = st.text(st.characters(codec=None, exclude_categories=["Cs"]), max_size=60) | st.sampled_from(
    ['"><img onerror=alert(1)>', "</text><script>alert(1)</script>", "\x00\x1b\ufffe", "\u202eabc\u200b", "]]>&lt;"]
)


@settings(max_examples=50)
@given(st.lists(hostile, min_size=1, max_size=4), hostile)
def test_whatever_a_name_is_it_is_text(names: list[str], title: str) -> None:
    root = drawn(replace(by_name(names, 2), title=title))

    assert {node.tag.removeprefix(SVG) for node in root.iter()} <= {
        *("svg", "title", "defs", "style", "pattern", "g", "path", "rect", "text")
    }


@given(st.text(), st.integers(10, 400))
def test_a_text_that_is_fitted_has_room(text: str, room: int) -> None:
    fitted = fit(text, room)

    assert fitted == text or (fitted.endswith("…") and text.startswith(fitted[:-1].rstrip("…")))
    assert text_width(fitted) <= room or fitted == "…"


def test_a_chart_is_a_picture_for_mail() -> None:
    for dark in (False, True):
        assert picture(WEEK, MARKS, dark=dark).startswith(b"\x89PNG")


def test_a_panel_without_a_chart_has_none_to_draw() -> None:
    with pytest.raises(ValueError, match="no chart"):
        draw(replace(WEEK, chart=None))


def test_drawing_charts_changes_no_import() -> None:
    assert not any(type(finder).__module__ == "pygal" for finder in sys.meta_path)
