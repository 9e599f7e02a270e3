"""Measure the wall: how many of the leak page's vectors reach the tracker, before a choice and after Reject.

Run it from the root of the project: ``python -m bench.leaks``. It prints a table, as the README quotes it.
"""

import logging
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import BrowserType, sync_playwright

from e2e.leaks.site import LeakSite, Mode
from e2e.leaks.vectors import VECTORS
from e2e.leaks.visit import ALL, choose, read, visitor

STATIC = {vector.id for vector in VECTORS if vector.static}


def measure(kind: BrowserType, site: LeakSite, mode: Mode, profile: Path) -> tuple[set[str], set[str]]:
    """Return the vectors that reach the tracker before a choice and after Reject."""
    site.mode = mode
    with visitor(kind, profile) as context:
        page = context.new_page()
        before = read(page, site, expected=ALL if mode is Mode.NONE else None)
        if mode is Mode.NONE:
            return before, before
        choose(page, site, "Reject")
        return before, read(page, site)


def row(mode: Mode, before: set[str], rejected: set[str]) -> str:
    """Return a line of the table; parser-inserted static markup is told apart where nothing could be done for it."""
    static = STATIC if mode is Mode.UNMARKED else set()
    scores = " | ".join(_score(reached, static) for reached in (before, rejected))
    names = "all" if mode is Mode.NONE else ", ".join(sorted((before | rejected) - static)) or "-"
    return f"| {mode} | {scores} | {names} |"


def _score(reached: set[str], static: set[str]) -> str:
    return f"{len(reached - static)} + {len(reached & static)} static" if static else str(len(reached))


def main() -> int:
    """Print the table."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    print(f"Of {len(ALL)} vectors, reaching the tracker:\n")
    print("| the gate is put up by | before a choice | after Reject | which |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        site = LeakSite(Path(folder))
        site.start()
        for mode in Mode:
            print(row(mode, *measure(playwright.chromium, site, mode, Path(folder) / mode.name)), flush=True)
        site.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
