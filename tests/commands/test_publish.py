"""`gatekeeper publish` and `upgrade`: what visitors are asked, and when they are asked again."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from gatekeeper.config import load_config
from gatekeeper.databases import published
from gatekeeper.store.engines import open_store

from .folders import Run, edit


def _numbers() -> list[int]:
    return [notice.no for notice in published(load_config())["shop"]]


def test_publish_makes_the_first_notice(run: Run, folder: Path) -> None:
    run("init")

    result = run("publish")

    assert result.exit_code == 0
    (notice,) = published(load_config())["shop"]
    assert notice.no == 1
    assert notice.hash in result.output
    assert notice.content["controller"]["name"] == "Example Company Ltd"
    assert stat.S_IMODE((folder / "gatekeeper.db").stat().st_mode) == 0o600


def test_publish_publishes_nothing_where_nothing_changed(run: Run, published_once: Path) -> None:
    result = run("publish")

    assert result.exit_code == 0
    assert "nothing changed; notice 1 stays" in result.output
    assert _numbers() == [1]


@pytest.mark.row("EU-19")
def test_publish_marks_what_visitors_are_asked_again(run: Run, published_once: Path) -> None:
    edit(published_once, "retention_days = 30", "retention_days = 60")
    edit(published_once, "1 Example Street", "2 Example Street")

    result = run("publish", "shop")

    assert "asks again  tracker video: functional, Example Video Hosting Ltd (IE), 30 days -> " in result.output
    assert "new         controller changed" in result.output
    assert "are asked again about what is marked" in result.output
    assert _numbers() == [1, 2]


def test_publish_asks_nobody_again_for_a_change_that_is_not_material(run: Run, published_once: Path) -> None:
    edit(published_once, "1 Example Street", "2 Example Street")

    result = run("publish")

    assert "asked again" not in result.output
    assert _numbers() == [1, 2]


def test_publish_dry_run_changes_nothing(run: Run, published_once: Path, folder: Path) -> None:
    edit(published_once, "retention_days = 30", "retention_days = 60")

    result = run("publish", "--dry-run")

    assert "asks again  tracker video" in result.output
    assert "dry run" in result.output
    assert _numbers() == [1]


def test_publish_dry_run_makes_no_database(run: Run, folder: Path) -> None:
    run("init")

    assert run("publish", "--dry-run").exit_code == 0
    assert not (folder / "gatekeeper.db").exists()


def test_publish_names_the_sites_it_knows(run: Run, published_once: Path) -> None:
    result = run("publish", "shpo")

    assert result.exit_code == 1
    assert "'shpo' is not one of shop" in result.stderr


def test_publish_leaves_another_programs_database_alone(run: Run, folder: Path) -> None:
    run("init")
    with closing(sqlite3.connect(folder / "gatekeeper.db")) as connection:
        connection.execute("CREATE TABLE notices (mine TEXT)")
    (folder / "gatekeeper.db").chmod(0o600)

    result = run("publish")

    assert result.exit_code == 1
    assert "gatekeeper upgrade" in result.stderr


def test_upgrade_makes_the_tables(run: Run, folder: Path) -> None:
    run("init")

    assert run("upgrade").exit_code == 0
    with closing(open_store(load_config().database_url)) as store:
        assert store.notices("shop") == []
