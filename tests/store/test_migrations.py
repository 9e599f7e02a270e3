"""Migrations give exactly the tables of the schema, also when two processes migrate at once."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from gatekeeper.core.errors import ConfigError
from gatekeeper.store import migrations
from gatekeeper.store.engines import find_engine, migrate, open_store
from gatekeeper.store.migrations import HEAD
from gatekeeper.store.schema import metadata

from .things import SITE, new_notice

#: The tables of the first version.
FIRST = {"notices", "subjects", "records", "blocked", "fresh_events", "totals", "heartbeat"}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "gatekeeper.db"


def tables(database: Path) -> dict[str, str]:
    """Return what a database is made of, as SQLite itself keeps it."""
    with sqlite3.connect(database) as reader:
        found = reader.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name != 'alembic_version'"
        ).fetchall()
    reader.close()
    return {name: " ".join(sql.split()) for name, sql in found}


def set_version(database: Path, version: str) -> None:
    with sqlite3.connect(database) as writer:
        writer.execute("UPDATE alembic_version SET version_num = ?", (version,))
    writer.close()


def test_the_migrations_give_exactly_the_tables_of_the_schema(database: Path, tmp_path: Path) -> None:
    migrate(f"sqlite:///{database}")
    engine = create_engine(f"sqlite:///{tmp_path}/schema.db")
    metadata.create_all(engine)
    engine.dispose()

    assert tables(database) == tables(tmp_path / "schema.db")


def test_the_head_is_the_newest_file_and_numbers_are_in_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]

    assert revisions[0] == HEAD
    assert revisions == sorted(revisions, reverse=True)
    assert all(len(revision) == 4 and revision.isdigit() for revision in revisions)


def test_migrating_again_changes_nothing(database: Path) -> None:
    migrate(f"sqlite:///{database}")
    before = database.read_bytes()

    migrate(f"sqlite:///{database}")

    assert database.read_bytes() == before


MIGRATE = """
import sys
import alembic.command
from gatekeeper.store.engines import migrate
print("ready", flush=True)
sys.stdin.readline()
migrate(sys.argv[1])
print("migrated")
"""


def test_two_processes_may_migrate_at_once(database: Path) -> None:
    at_once = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", MIGRATE, f"sqlite:///{database}"], stdin=-1, stdout=-1)
        for _ in range(4)
    ]
    for process in at_once:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in at_once:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()

    assert [process.communicate()[0] for process in at_once] == [b"migrated\n"] * 4
    find_engine(f"sqlite:///{database}").check_tables()


def test_a_migration_that_fails_leaves_nothing_behind(database: Path) -> None:
    with sqlite3.connect(database) as other:
        other.execute("CREATE TABLE totals (mine TEXT)")
    other.close()

    with pytest.raises(ConfigError, match="cannot be upgraded"):
        migrate(f"sqlite:///{database}")

    assert tables(database) == {"totals": "CREATE TABLE totals (mine TEXT)"}


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("0000", "older than .*: run `gatekeeper serve` or `gatekeeper upgrade`"),
        ("9999", "newer than .*: run the newer Gatekeeper"),
    ],
)
def test_tables_of_another_version_are_refused_with_the_fix(database: Path, version: str, message: str) -> None:
    migrate(f"sqlite:///{database}")
    set_version(database, version)

    for use in ("start", "use"):
        store = open_store(f"sqlite:///{database}")
        with pytest.raises(ConfigError, match=message):
            store.start() if use == "start" else store.notices(SITE)


def test_newer_tables_are_not_migrated(database: Path) -> None:
    migrate(f"sqlite:///{database}")
    set_version(database, "9999")

    with pytest.raises(ConfigError, match="newer than"):
        migrate(f"sqlite:///{database}")


def test_missing_tables_are_refused_with_the_fix_and_nothing_is_made(database: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not exist yet: run `gatekeeper serve`"):
        open_store(f"sqlite:///{database}").notices(SITE)
    assert not database.exists()

    database.touch()
    with pytest.raises(ConfigError, match=r"no tables yet: run `gatekeeper serve`"):
        open_store(f"sqlite:///{database}").notices(SITE)


def test_a_serving_process_does_not_load_alembic() -> None:
    code = "import sys, gatekeeper.store.engines; print('alembic' in sys.modules)"

    assert subprocess.check_output([sys.executable, "-c", code]) == b"False\n"


def test_a_database_of_an_older_version_keeps_what_it_holds(database: Path) -> None:
    migrate(f"sqlite:///{database}")
    store = open_store(f"sqlite:///{database}")
    store.publish(new_notice())
    store.close()
    with sqlite3.connect(database) as writer:
        for table in metadata.tables.keys() - FIRST:
            writer.execute(f"DROP TABLE {table}")
    writer.close()
    set_version(database, "0001")

    migrate(f"sqlite:///{database}")

    store = open_store(f"sqlite:///{database}")
    assert store.notices(SITE) == [new_notice()]
    assert not store.is_lifted(SITE)
    assert store.sightings(SITE) == {}
    store.close()
