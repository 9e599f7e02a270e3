"""The dashboard, as staff see it in a browser of their own."""

import csv
import json
from typing import Any
from urllib.request import Request, urlopen

from playwright.sync_api import Browser, Page, expect

from gatekeeper.demo.state import OWNER, STAFF, State

from .demo import Demo

#: A table as somebody reads it: its head, then each row; also where it is folded up.
_READ = """(tables) => tables.map((table) =>
  [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim())))"""

Cell = str | float | None
#: By what stands in front of a row: its cells, by what stands above them.
Table = dict[str, dict[str, Cell]]


class Desk:
    """Somebody signed in to the dashboard, as the owner of the shop."""

    def __init__(self, browser: Browser, demo: Demo) -> None:
        self.base = f"http://{STAFF}:{demo.port + 1}"
        self._demo = demo
        self._password = State(demo.folder).password.read_text().strip()
        self.page: Page = browser.new_context().new_page()
        self.page.goto(f"{self.base}/dashboard/shop/")
        self.page.get_by_label("E-mail address").fill(OWNER)
        self.page.get_by_label("Password").fill(self._password)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page).to_have_url(f"{self.base}/dashboard/shop/")

    def close(self) -> None:
        self.page.context.close()

    def open(self, path: str = "/") -> Page:
        """Open a page of the shop's dashboard."""
        self.page.goto(f"{self.base}/dashboard/shop{path}")
        return self.page

    def table(self, path: str, panel: str) -> Table:
        """Return the numbers of a panel, as the page has them; nothing where it has none."""
        return table_of(self._rows(path, panel))

    def column(self, path: str, panel: str, title: str) -> dict[str, Cell]:
        """Return one column of a panel, by what stands in front of each row."""
        return {name: row[title] for name, row in self.table(path, panel).items()}

    def _rows(self, path: str, panel: str) -> list[list[str]]:
        found = self.open(path).locator(f"section#{panel} table").evaluate_all(_READ)
        return found[0] if found else []

    def screen(self, path: str, panel: str) -> list[list[Cell]]:
        """Return the rows of a panel below its head, in their order."""
        return [[cell_of(text) for text in row] for row in self._rows(path, panel)[1:]]

    def file(self, path: str, panel: str) -> list[list[Cell]]:
        """Return the rows of a panel's file, as somebody takes it along who clicks on CSV."""
        section = self.open(path).locator(f"section#{panel}")
        with self.page.expect_download() as taken:
            section.get_by_role("link", name="CSV").click()
        with taken.value.path().open(newline="", encoding="utf-8-sig") as lines:
            return [[cell_of(text) for text in row] for row in list(csv.reader(lines))[1:]]

    def make_token(self) -> str:
        """Make a token for a program."""
        self.page.goto(f"{self.base}/dashboard/account")
        self.page.get_by_label("What it is for").fill("a warehouse")
        self.page.get_by_label("see counts").check()
        form = self.page.locator("form", has=self.page.get_by_role("button", name="Make a token"))
        form.get_by_label("Your password").fill(self._password)
        form.get_by_role("button", name="Make a token").click()
        return self.page.locator("section", has_text="Your new token").locator("code").first.inner_text()

    def ask(self, token: str, panel: str, query: str = "") -> list[list[Cell]]:
        """Return the rows of a panel, as a program gets them."""
        address = f"http://127.0.0.1:{self._demo.port + 1}/api/v1/sites/shop/panels/{panel}{query}"
        headers = {"Host": self.base.removeprefix("http://"), "Authorization": f"Bearer {token}"}
        with urlopen(Request(address, headers=headers), timeout=30) as answer:
            told: dict[str, Any] = json.load(answer)
        return [[row[column["id"]] for column in told["columns"]] for row in told["rows"]]


def table_of(rows: list[list[str]]) -> Table:
    """Return a table by what stands in front of its rows, and above its columns."""
    if not rows:
        return {}
    head, *body = rows
    return {row[0]: dict(zip(head[1:], map(cell_of, row[1:]), strict=True)) for row in body}


def cell_of(text: str) -> Cell:
    """Return a cell as a number where it is one; None where nothing was measured."""
    plain = text.replace(",", "")
    try:
        return float(plain.removesuffix(" %")) / 100 if plain.endswith(" %") else float(plain)
    except ValueError:
        return None if text == "not measured" else text
