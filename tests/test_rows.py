"""Every requirement that is claimed has a test that names it, and no test names one that is not claimed."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ROOT / "docs" / "requirements.md"
FOLDERS = ("tests", "e2e")


def claimed() -> list[str]:
    """Return the ids that stand first in a row of a table."""
    return re.findall(r"^\| ([A-Z]+-?[0-9]+) \|", REQUIREMENTS.read_text("utf-8"), re.MULTILINE)


def is_row_mark(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in {"pytest.mark.row", "mark.row"}


def marks(tree: ast.AST) -> Iterator[ast.Call]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call) and is_row_mark(node))


def named() -> dict[str, set[str]]:
    """Return the ids that tests name, with the files they are named in."""
    found: dict[str, set[str]] = {}
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("test_*.py")):
        for mark in marks(ast.parse(path.read_text("utf-8"))):
            for row in mark.args:
                assert isinstance(row, ast.Constant), f"{path.name}:{mark.lineno}: write the ids out"
                found.setdefault(str(row.value), set()).add(path.name)
    return found


def test_each_requirement_is_listed_once():
    repeated = [row for row, times in Counter(claimed()).items() if times > 1]

    assert claimed()
    assert repeated == []


def test_each_requirement_has_a_test_that_names_it():
    assert sorted(set(claimed()) - named().keys()) == []


def test_no_test_names_a_requirement_that_is_not_listed():
    assert {row: files for row, files in named().items() if row not in claimed()} == {}


def test_marks_are_found_wherever_they_stand():
    source = """
import pytest
pytestmark = pytest.mark.row("A-1")

@pytest.mark.row("A-2", "A-3")
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.row("A-4"))])
def test_x(x): ...
"""

    assert {row.value for mark in marks(ast.parse(source)) for row in mark.args} == {"A-1", "A-2", "A-3", "A-4"}
