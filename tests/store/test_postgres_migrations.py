"""Migrations on PostgreSQL give exactly the tables of the schema, also when several processes migrate at once."""

import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from sqlalchemy import create_engine

from gatekeeper.core.errors import ConfigError
from gatekeeper.store.engines import find_engine, migrate, open_store
from gatekeeper.store.schema import metadata

from ..postgres import Postgres, find_program
from .test_migrations import MIGRATE
from .things import SITE, new_notice


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[str]:
    """The address of a database without tables."""
    with postgres.fresh() as address:
        yield address


def execute(url: str, statement: str) -> None:
    connection = find_engine(url).connect()
    connection.execute(statement)
    connection.close()


def dump(url: str) -> list[str]:
    """Return what a database is made of, in the server's own words."""
    call = [find_program("pg_dump"), "--schema-only", "--exclude-table=alembic_version", unquote(url)]
    said = subprocess.check_output(call, text=True)
    return [line for line in said.splitlines() if line and not line.startswith(("--", "\\"))]


def test_the_migrations_give_exactly_the_tables_of_the_schema(empty: str, postgres: Postgres) -> None:
    migrate(empty)
    with postgres.fresh() as other:
        engine = create_engine(other.replace("postgresql", "postgresql+psycopg", 1))
        metadata.create_all(engine)
        engine.dispose()

        assert sorted(dump(empty)) == sorted(dump(other))


def test_several_processes_may_migrate_at_once(empty: str) -> None:
    at_once = [subprocess.Popen([sys.executable, "-c", MIGRATE, empty], stdin=-1, stdout=-1) for _ in range(3)]
    for process in at_once:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in at_once:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()

    assert [process.communicate()[0] for process in at_once] == [b"migrated\n"] * 3
    find_engine(empty).check_tables()


def test_missing_older_and_newer_tables_are_refused_with_the_fix(empty: str) -> None:
    with pytest.raises(ConfigError, match="has no tables yet: run `gatekeeper serve`"):
        open_store(empty).start()

    migrate(empty)
    for version, message in [
        ("0000", "older than .*: run `gatekeeper serve`"),
        ("9999", "newer than .*: run the newer"),
    ]:
        execute(empty, f"UPDATE alembic_version SET version_num = '{version}'")
        with pytest.raises(ConfigError, match=message):
            open_store(empty).notices(SITE)
    with pytest.raises(ConfigError, match="newer than"):
        migrate(empty)


def test_a_migration_that_fails_leaves_nothing_behind(empty: str) -> None:
    execute(empty, "CREATE TABLE totals (mine TEXT)")
    before = dump(empty)

    with pytest.raises(ConfigError, match="cannot be upgraded"):
        migrate(empty)

    assert dump(empty) == before


def test_migrating_again_keeps_what_is_held(empty: str) -> None:
    migrate(empty)
    store = open_store(empty)
    store.publish(new_notice())

    migrate(empty)

    assert store.notices(SITE) == [new_notice()]
    store.close()
