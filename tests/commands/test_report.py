"""Reports: the numbers of the dashboard on the terminal and in files, with nothing that a terminal or browser obeys."""

import csv
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gatekeeper import reporting
from gatekeeper.config import load_config
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.panels import Asked
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.panels.sources import Sources
from gatekeeper.store.contract import Store, Total
from gatekeeper.store.engines import open_store
from tests.panels.logged import NOW, asked, at, event, log, opened, shop

from .folders import Run

HOSTILE = '/\x1b[31mred\x07\u202etxt.exe\u200b"><img src=x onerror=alert(1)>'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path, shop()) as store:
        yield store


def visit(store: Store, paths: list[str], people: int = 1) -> None:
    subjects = [os.urandom(16) for _ in range(people)]
    log(store, [event(one, at("2026-11-20"), path=path, browser="Firefox 146") for one in subjects for path in paths])


def made(store: Store, *names: str, about: str = "") -> reporting.Report:
    return reporting.make(Sources(shop(), store, NOW), asked(about=about), names)


def test_without_names_a_report_has_all_panels_that_are_about_no_one_thing(store: Store) -> None:
    of_all = [panel.id for panel in made(store).panels]
    of_one = [panel.id for panel in made(store, about="tally").panels]

    assert of_all == [id for id, listed in PANELS.items() if not listed.about]
    assert of_one == [id for id, listed in PANELS.items() if listed.about]


def test_a_table_is_aligned_and_says_its_numbers_as_the_dashboard_does(store: Store) -> None:
    visit(store, ["/tea", "/", "/東京"], people=12)

    text = reporting.to_text(made(store, "pages", "browsers"), most=20)

    rows = [line for line in text.splitlines() if line.startswith("/")]
    assert {row.split()[0]: row.split()[1] for row in rows} == {"/tea": "12", "/": "12", "/東京": "12"}
    assert len({reporting._width(row) for row in rows}) == 1
    assert "Firefox 146" in text


def test_what_is_not_measured_says_so_and_is_not_0(store: Store) -> None:
    text = reporting.to_text(made(store, "rates"), most=20)

    assert text.count("not measured") == 6
    assert not re.search(r"\b0\b", text.split("Choice rate")[1])


def test_few_people_are_not_told_of(store: Store) -> None:
    visit(store, ["/"], people=3)

    report = made(store, "browsers")

    assert "too few to tell" in reporting.to_text(report, most=20)
    [panel] = json.loads(reporting.to_json(report))["panels"]
    assert {"hidden": "few"} in [cell for row in panel["rows"] for cell in row.values()]


@pytest.mark.row("SE-07")
def test_a_terminal_obeys_nothing_that_a_visitor_sent(store: Store) -> None:
    visit(store, [HOSTILE])

    text = reporting.to_text(made(store, "pages"), most=20)

    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "red" in text


@pytest.mark.row("SE-07")
def test_a_page_shows_what_a_visitor_sent_and_runs_none_of_it(store: Store) -> None:
    visit(store, [HOSTILE])

    page = reporting.to_html(made(store))

    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
    assert "<script" not in page


def test_a_page_needs_nothing_else(store: Store) -> None:
    visit(store, ["/"], people=12)

    page = reporting.to_html(made(store))

    addresses = re.findall(r'(?:src|href)="([^"]{5})', page)
    assert addresses
    assert {*addresses} == {"data:"}
    assert "url(" not in page
    assert 'http-equiv="Content-Security-Policy" content="default-src \'none\'' in page


def test_long_tables_are_cut_in_text_and_say_so(store: Store) -> None:
    visit(store, [f"/{n:02}" for n in range(12)])

    cut = reporting.to_text(made(store, "pages"), most=5)
    whole = reporting.to_text(made(store, "pages"), most=0)

    assert len(re.findall(r"^/", cut, re.MULTILINE)) == 5
    assert "... and 7 more; --rows 0 shows all" in cut
    assert len(re.findall(r"^/", whole, re.MULTILINE)) == 12


def test_of_days_the_last_are_shown(store: Store) -> None:
    cut = reporting.to_text(made(store, "choices-by-day"), most=2)

    assert re.findall(r"^2026-\S+", cut, re.MULTILINE) == ["2026-11-21", "2026-11-22"]
    assert "... and 5 days before" in cut


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({}, Asked("2026-10-26", "2026-11-22", "2026-09-28", "2026-10-25")),
        ({"days": 1}, Asked("2026-11-22", "2026-11-22", "2026-11-21", "2026-11-21")),
        ({"first": "2026-11-01", "last": "2026-11-10"}, Asked("2026-11-01", "2026-11-10", "2026-10-22", "2026-10-31")),
        ({"days": 2, "last": "2026-03-01"}, Asked("2026-02-28", "2026-03-01", "2026-02-26", "2026-02-27")),
    ],
)
def test_days_are_asked_about_beside_as_many_before(said: dict[str, Any], wanted: Asked) -> None:
    assert reporting.asked_of(shop(), now=NOW, **{"days": 28, **said}) == wanted


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"first": "2026-11-22", "last": "2026-11-21"}, "comes after the last"),
        ({"first": "1999-12-31"}, "--first '1999-12-31' is not a day since 2000"),
        ({"last": "20261122"}, "--last '20261122' is not a day"),
        ({"first": "2000-01-01"}, "at most 3660 days"),
    ],
)
def test_days_that_break_a_rule_are_refused_with_it(said: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(why)):
        reporting.asked_of(shop(), now=NOW, days=28, **said)


# The command


@contextmanager
def kept() -> Iterator[Store]:
    config = load_config()
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        yield store


@pytest.fixture
def site(run: Run) -> Run:
    """A published site of which something was counted today."""
    run("init")
    run("publish")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    with kept() as store:
        store.tally(Total("shop", today, "choice", "granted", notice=1), 7)
    return run


def test_what_was_counted_is_printed(site: Run) -> None:
    result = site("report", "--panel", "choices", "--days", "1")

    assert result.exit_code == 0
    assert re.search(r"^Example Shop: ", result.output)
    assert re.search(r"^Accepted some\s+7\b", result.output, re.MULTILINE) or re.search(r"\b7\b", result.output)


def test_a_report_stands_in_the_audit_trail(site: Run) -> None:
    site("report", "--panel", "choices")

    with kept() as store:
        [entry] = store.staff.entries(None, first=0, before=2**40, limit=10, action="export")
    assert (entry.who, entry.site, entry.about) == ("command line", "shop", "report")
    assert entry.detail.endswith(": choices")


def test_one_panel_as_csv_goes_to_the_terminal(site: Run) -> None:
    result = site("report", "--panel", "choices", "--format", "csv")

    rows = [*csv.DictReader(result.stdout.lstrip("\ufeff").splitlines())]
    assert [row["choice"] for row in rows] == ["Accepted all", "Accepted some", "Refused all", "Withdrawn"]


def test_several_as_csv_need_a_folder(site: Run, folder: Path) -> None:
    refused = site("report", "--format", "csv")
    written = site("report", "--format", "csv", "--output", "reports")

    assert refused.exit_code == 1
    assert "a CSV file holds one panel" in refused.output
    assert written.exit_code == 0
    wanted = {f"shop-{id}.csv" for id, listed in PANELS.items() if not listed.about}
    assert {path.name for path in (folder / "reports").iterdir()} == wanted


@pytest.mark.parametrize(("form", "begins"), [("json", "{"), ("html", "<!doctype html>"), ("text", "Example Shop: ")])
def test_a_report_is_written_to_a_file_and_replaces_the_last(site: Run, folder: Path, form: str, begins: str) -> None:
    for _ in range(2):
        result = site("report", "--format", form, "--output", "out/report")

    assert result.stderr == "Wrote out/report.\n"
    assert result.stdout == ""
    assert (folder / "out" / "report").read_text("utf-8").startswith(begins)
    assert [path.name for path in (folder / "out").iterdir()] == ["report"]


def test_panels_are_listed(run: Run) -> None:
    listed = run("report", "--list").output

    assert [line.split()[0] for line in listed.splitlines()] == [*PANELS]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--panel", "nothing"], "panel 'nothing' is not one of those there are: `gatekeeper report --list`"),
        (["--panel", "tracker-gap"], "panel 'tracker-gap' is about one tracker: name it with --about, one of"),
        (["--panel", "choices", "--about", "video"], "panel 'choices' is not about one thing: leave --about"),
        (["--about", "nothing"], "--about 'nothing' is no tracker that was met: try one of"),
        (["--format", "xml"], "--format 'xml' is not one of text, csv, json, html"),
        (["--site", "nothing"], "site 'nothing' is not one of shop"),
        (["--output", "/dev/null/x"], "--output '/dev/null/x' cannot be written"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_the_rule(site: Run, words: list[str], why: str) -> None:
    result = site("report", *words)

    assert result.exit_code == 1
    assert why in result.output


def test_before_anything_is_published_there_is_nothing_to_report(run: Run, folder: Path) -> None:
    run("init")

    result = run("report")

    assert result.exit_code == 1
    assert "nothing is kept of shop yet" in result.output
    assert not (folder / "gatekeeper.db").exists()


def test_help_shows_examples(run: Run) -> None:
    help = run("report", "--help").output

    assert "gatekeeper report --format html --output report.html" in help
