"""Databases of older versions: what they held is still told after an upgrade, on every engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from gatekeeper.core.rollups import What
from gatekeeper.store import migrations
from gatekeeper.store.contract import Amount
from gatekeeper.store.engines import migrate, open_store

from ..postgres import Postgres
from .things import SITE

#: What was counted, as version 0010 had it: its name, its tracker, its outcome and its reason.
OLD = [
    ("page", "/a", "", "", "", 7),
    ("page", "/b", "", "", "", 2),
    ("page_outcome", "/a", "gatekeeper", "loaded", "granted", 5),
    ("page_outcome", "/a", "gatekeeper", "loaded", "refused", 1),
    ("page_outcome", "/late", "gatekeeper", "loaded", "granted", 1),
    ("page_outcome", "/a", "gatekeeper", "failed", "late", 3),
    ("page_outcome", "/a", "ga", "loaded", "granted", 4),
    ("page_outcome", "/b", "ga", "blocked", "refused", 6),
    ("outcome", "ga", "", "loaded", "granted", 4),
]
DAYS = ["2026-10-31", "2026-11-01", "2026-11-02"]


@pytest.fixture(params=["sqlite", "postgres"])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database whose tables are of version 0010, with counts in it."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path}/gatekeeper.db"
        fill(address, address)
        yield address
    else:
        server: Postgres = request.getfixturevalue("postgres")
        with server.fresh() as address:
            fill(address.replace("postgresql", "postgresql+psycopg", 1), address)
            yield address


def fill(alchemy: str, url: str) -> None:
    engine = create_engine(alchemy)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0010")
        rows = [
            {"day": day, "month": day[:7], "what": what, "name": name, "page": page, "o": outcome, "r": reason, "n": n}
            for day in DAYS
            for what, name, page, outcome, reason, n in OLD
        ]
        for table, when in (("rollups", "day"), ("monthly_rollups", "month")):
            statement = (
                f"INSERT INTO {table} (site, what, bot, {when}, name, tracker, outcome, reason, currency, n, value) "
                f"VALUES ('{SITE}', :what, 0, :{when}, :name, :page, :o, :r, '', :n, 0) "
                f"ON CONFLICT (site, what, bot, {when}, name, tracker, outcome, reason, currency) "
                f"DO UPDATE SET n = {table}.n + excluded.n"
            )
            connection.execute(text(statement), rows)
        connection.execute(
            text(
                "INSERT INTO daily_sums SELECT site, what, bot, day, sum(n), sum(value) FROM rollups "
                "GROUP BY site, what, bot, day"
            )
        )
    engine.dispose()


@pytest.mark.parametrize(("first", "last", "times"), [("2026-10-31", "2026-11-30", 3), ("2026-11-02", "2026-11-02", 1)])
def test_counts_of_pages_and_trackers_are_kept(older: str, first: str, last: str, times: int) -> None:
    migrate(older)

    store = open_store(older)
    pages = {row.name: (row.n, row.value) for row in store.panel(SITE, What.PAGE, first, last)}
    of_ga, of_guard = (
        {
            (row.page, row.outcome, row.reason): row.n
            for row in store.panel(SITE, What.PAGE_OUTCOME, first, last, name=it)
        }
        for it in ("ga", "gatekeeper")
    )
    outcomes = [(row.name, row.page, row.outcome, row.n) for row in store.panel(SITE, What.OUTCOME, first, last)]
    daily = store.by_day(SITE, What.PAGE, first, last)
    store.close()

    assert pages == {"/a": (7 * times, 6 * times), "/b": (2 * times, 0), "/late": (0, times)}
    assert of_ga == {("/a", "loaded", "granted"): 4 * times, ("/b", "blocked", "refused"): 6 * times}
    assert of_guard == {("/a", "failed", "late"): 3 * times}
    assert outcomes == [("ga", "", "loaded", 4 * times)]
    assert daily == {day: Amount(9, 7) for day in DAYS if first <= day <= last}
