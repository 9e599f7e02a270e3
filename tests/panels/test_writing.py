"""Panels as text: what people read, and files that no spreadsheet takes for a program."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.panels import Cell, Column, Hidden, Panel, Unit
from gatekeeper.panels.writing import csv_of, json_of, say

SAID = [
    (None, Unit.COUNT, "not measured"),
    (None, Unit.SHARE, "not measured"),
    (Hidden.FEW, Unit.COUNT, "too few to tell"),
    (0, Unit.COUNT, "0"),
    (1234567, Unit.COUNT, "1,234,567"),
    (2.5, Unit.COUNT, "2.5"),
    (0.1234, Unit.SHARE, "12.3 %"),
    (1.0, Unit.SHARE, "100.0 %"),
    (0.1234, Unit.CHANGE, "+12.3 %"),
    (-0.05, Unit.CHANGE, "−5.0 %"),
    (0.0, Unit.CHANGE, "0.0 %"),
    (-0.00001, Unit.CHANGE, "0.0 %"),
    ("new", Unit.CHANGE, "new"),
    (-0.101, Unit.POINTS, "−10.1 points"),
    (7, Unit.SECONDS, "7 s"),
    (59.6, Unit.SECONDS, "1 min 00 s"),
    (125, Unit.SECONDS, "2 min 05 s"),
    (3 * 3600 + 300, Unit.SECONDS, "3 h 05 min"),
    (1234.5, Unit.MONEY, "1,234.50"),
    ("/tea", Unit.TEXT, "/tea"),
    ("2026-11-22", Unit.DAY, "2026-11-22"),
]


@pytest.mark.parametrize(("cell", "unit", "told"), SAID)
def test_a_cell_is_said_as_people_read_it(cell: Cell, unit: Unit, told: str) -> None:
    assert say(cell, unit) == told


def panel(*rows: tuple[Cell, ...]) -> Panel:
    return Panel("pages", "Pages", (Column("page", "Page", Unit.TEXT), Column("n", "Views")), rows)


def file(made: Panel) -> list[list[str]]:
    """Return the cells of a panel's file, without the line of its columns."""
    text = b"".join(csv_of(made)).decode("utf-8-sig")
    return [*csv.reader(io.StringIO(text, newline=""))][1:]


#: What a spreadsheet takes for the beginning of a formula, or skips on the way to one.
TRIGGERS = ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠", " =", "  @"]


@pytest.mark.row("SE-08")
@pytest.mark.parametrize("trigger", TRIGGERS, ids=[ascii(trigger) for trigger in TRIGGERS])
def test_no_text_of_a_file_is_a_formula(trigger: str) -> None:
    text = f"{trigger}cmd|' /C calc'!A0"

    assert file(panel((text, 1))) == [[f"'{text}", "1"]]


@pytest.mark.row("SE-08")
@pytest.mark.parametrize("text", ["/tea", "a=b", "1-2", "", "'=1", "mail@shop.test", " /tea"])
def test_other_text_of_a_file_is_as_it_was(text: str) -> None:
    assert file(panel((text, 1))) == [[text, "1"]]


@pytest.mark.row("SE-08")
@pytest.mark.parametrize(("number", "told"), [(-1, "-1"), (-0.25, "-0.25"), (0, "0"), (12345.5, "12345.5")])
def test_numbers_of_a_file_are_numbers(number: float, told: str) -> None:
    assert file(panel(("/tea", number))) == [["/tea", told]]


def test_what_is_not_measured_is_never_zero() -> None:
    made = panel(("/tea", None), ("/cups", Hidden.FEW), ("/spoons", 0))

    assert [row[1] for row in file(made)] == ["not measured", "too few to tell", "0"]
    assert [row["n"] for row in json.loads(json_of(made))["rows"]] == [None, {"hidden": "few"}, 0]


@pytest.mark.row("SE-08")
@given(st.lists(st.tuples(st.text(), st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))))
def test_a_file_says_what_the_panel_says(rows: list[tuple[str, float]]) -> None:
    read = file(panel(*rows))

    assert [float(n) for _, n in read] == [float(n) for _, n in rows]
    for (told, _), (text, _) in zip(read, rows, strict=True):
        assert told in {text, f"'{text}"}
        assert not told.lstrip(" ").startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n", "\0"))


def test_every_cell_of_a_file_is_quoted() -> None:
    assert b"".join(csv_of(panel(('a "b", c', 1)))) == '\ufeff"page","n"\r\n"a ""b"", c","1"\r\n'.encode()


def test_a_long_file_comes_in_pieces() -> None:
    pieces = [*csv_of(panel(*((f"/{n}", n) for n in range(1000))))]

    assert len(pieces) > 4
    assert [row[1] for row in csv.reader(io.StringIO(b"".join(pieces).decode("utf-8-sig")))][1:] == [
        str(n) for n in range(1000)
    ]


def test_a_json_file_says_what_its_numbers_are() -> None:
    assert json.loads(json_of(panel(("</script>", 3)))) == {
        "id": "pages",
        "title": "Pages",
        "columns": [{"id": "page", "title": "Page", "unit": "text"}, {"id": "n", "title": "Views", "unit": "count"}],
        "rows": [{"page": "</script>", "n": 3}],
        "note": "",
        "missing": "",
    }
