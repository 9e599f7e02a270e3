"""Panels as text: cells as people read them, CSV and JSON files."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from gatekeeper.core.panels import Cell, Hidden, Panel, Unit

NOT_MEASURED = "not measured"
FEW = "too few to tell"

#: What makes a spreadsheet take a cell for a formula (ASVS 1.2.10; OWASP CSV Injection), and the full-width forms that
#: some take for the same.
_TRIGGERS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
#: Without it, Excel takes a file for one of a Windows code page.
_MARK = "\ufeff"
_ROWS_AT_ONCE = 200
_MINUTE = 60
_HOUR = 3600


def say(cell: Cell, unit: Unit) -> str:
    """Return a cell as people read it."""
    if cell is None:
        return NOT_MEASURED
    if isinstance(cell, Hidden):
        return FEW
    if isinstance(cell, str):
        return cell
    match unit:
        case Unit.SHARE:
            return f"{cell:,.1%}".replace("%", " %")
        case Unit.CHANGE:
            return _signed(cell * 100, " %")
        case Unit.POINTS:
            return _signed(cell * 100, " points")
        case Unit.SECONDS:
            return _duration(round(cell))
        case Unit.MONEY:
            return f"{cell:,.2f}"
    return f"{cell:,.0f}" if cell == round(cell) else f"{cell:,.1f}"


def _signed(number: float, unit: str) -> str:
    told = f"{number:+,.1f}"
    return (told.replace("-", "−") if told.strip("+-0.") else "0.0") + unit


def _duration(seconds: int) -> str:
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min {seconds % _MINUTE:02} s"
    return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE:02} min"


def csv_of(panel: Panel) -> Iterator[bytes]:
    """Yield a panel as a CSV file (RFC 4180), a few rows at a time: every cell quoted, and none of them a formula."""
    yield csv_head([column.id for column in panel.columns])
    for start in range(0, len(panel.rows), _ROWS_AT_ONCE):
        yield csv_lines(panel.rows[start : start + _ROWS_AT_ONCE])


def csv_head(ids: Iterable[str]) -> bytes:
    """Return the beginning of a CSV file: the names of its columns."""
    return (_MARK + _lines([ids])).encode()


def csv_lines(rows: Iterable[Iterable[Cell]]) -> bytes:
    """Return rows of a CSV file: every cell quoted, and none of them a formula."""
    return _lines([_plain(cell) for cell in row] for row in rows).encode()


def _lines(rows: Iterable[Iterable[str]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def _plain(cell: Cell) -> str:
    """Return a cell as files have it: numbers unrounded, and words that no spreadsheet computes."""
    if cell is None:
        return NOT_MEASURED
    if isinstance(cell, Hidden):
        return FEW
    if isinstance(cell, str):
        # Spreadsheets overlook spaces before a formula.
        return f"'{cell}" if cell.lstrip(" ").startswith(_TRIGGERS) else cell
    return repr(cell)


def value_of(panel: Panel) -> dict[str, Any]:
    """Return a panel as plain JSON values. None is not measured; ``{"hidden": "few"}`` are fewer than are shown."""
    ids = [column.id for column in panel.columns]
    return {
        "id": panel.id,
        "title": panel.title,
        "columns": [{"id": column.id, "title": column.title, "unit": column.unit.value} for column in panel.columns],
        "rows": [dict(zip(ids, map(_json_cell, row), strict=True)) for row in panel.rows],
        "note": panel.note,
        "missing": panel.missing,
    }


def _json_cell(cell: Cell) -> str | int | float | dict[str, str] | None:
    return {"hidden": cell.value} if isinstance(cell, Hidden) else cell


def json_of(panel: Panel) -> bytes:
    """Return a panel as a JSON file."""
    return msgspec.json.encode(value_of(panel))
