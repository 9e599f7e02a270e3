"""`gatekeeper store copy`: what a SQLite file holds comes to a PostgreSQL server whole, also while it is in use."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Table

from gatekeeper.cli import main
from gatekeeper.config import VARIABLES
from gatekeeper.core.choices import State
from gatekeeper.core.decisions import Status
from gatekeeper.core.errors import ConfigError
from gatekeeper.core.sightings import Seen, Sighting
from gatekeeper.store import copies
from gatekeeper.store.contract import Store, Total
from gatekeeper.store.engines import find_engine, migrate, open_store

from .postgres import Postgres
from .store.things import NOW, PERMIT, SITE, new_event, new_notice, new_record

Run = Callable[..., Result]
HIT = Total(SITE, "2026-11-22", "hit", "visit", "refused")
SCRIPT = Sighting(SITE, "2026-11-22", Seen.SCRIPT, "cdn.ads.example", "/ads.js")


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a SQLite file, which the settings name."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(main, ["init"])
    address = f"sqlite:///{tmp_path}/gatekeeper.db"
    migrate(address)
    return address


@pytest.fixture
def target(postgres: Postgres) -> Iterator[str]:
    """The address of an empty database of a server."""
    with postgres.fresh() as address:
        yield address


@pytest.fixture
def copy(source: str, target: str) -> Run:
    """Run the command."""

    def call(*words: str) -> Result:
        result = CliRunner().invoke(main, ["store", "copy", "--to", target, *words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result

    return call


def fill(url: str, visitors: int = 3) -> list[bytes]:
    """Keep something of everything; return the subjects."""
    subjects = []
    with closing(open_store(url, clock=lambda: NOW)) as store:
        store.publish(new_notice())
        for _ in range(visitors):
            record = new_record()
            store.record(record)
            store.append(new_event(record.subject), PERMIT)
            subjects.append(record.subject)
        store.record(new_record(subjects[0], at=NOW + 1))
        store.end(SITE, subjects[1], State.WITHDRAWN, at=NOW)
        store.lift("blog", lifted=True, at=NOW)
        store.see({SCRIPT: 2})
        store.tally(HIT, 7)
    return subjects


def held(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Return all that is copied of a database."""

    def rows(table: Table) -> list[tuple[object, ...]]:
        names = ", ".join(column.name for column in table.columns)
        return sorted(connection.execute(f"SELECT {names} FROM {table.name}").fetchall(), key=repr)

    with closing(find_engine(url).connect()) as connection:
        return {table.name: rows(table) for table in copies.tables()}


def serving(url: str) -> Store:
    store = open_store(url, clock=lambda: NOW, wait=20)
    store.start()
    return store


def test_everything_comes_over_and_is_served_from_there(copy: Run, source: str, target: str) -> None:
    subjects = fill(source)

    result = copy()

    assert result.exit_code == 0, result.output
    assert "complete" in result.stdout
    assert held(target) == held(source)
    with closing(serving(target)) as store:
        assert len(store.events(SITE, subjects[0])) == 1, "the keys came along"
        store.append(new_event(subjects[1]), PERMIT)
        assert len(store.events(SITE, subjects[1])) == 1, "a withdrawal holds there, too"


def test_every_table_can_be_copied() -> None:
    for table in copies.tables():
        assert copies.key_of(table), table.name


def test_a_second_run_writes_only_what_is_new_and_removes_what_is_gone(copy: Run, source: str, target: str) -> None:
    subjects = fill(source)
    copy()
    with closing(open_store(source, clock=lambda: NOW)) as store:
        store.block(SITE, subjects[2], Status.ERASED, at=NOW)
        store.append(new_event(subjects[0]), PERMIT)
        store.settle()
        store.tally(HIT)
        store.forget_sightings(SITE)

    result = copy()

    assert result.exit_code == 0, result.output
    assert held(target) == held(source)
    said = {words[0]: words[2:4] for words in map(str.split, result.stdout.splitlines()) if len(words) == 5}
    assert said["fresh_events"] == ["0", "3"], "settled meanwhile"
    assert said["events"] == ["4", "0"]
    assert int(said["rollups"][0]) > 3
    assert said["subjects"] == ["1", "0"], "the forgotten key"
    assert said["records"] == ["0", "0"]
    assert said["totals"] == ["1", "0"]
    assert said["sightings"] == ["0", "1"]


def test_it_may_be_served_meanwhile_and_is_complete_once_it_is_not(copy: Run, source: str, target: str) -> None:
    subjects = fill(source)
    store = serving(source)
    done = threading.Event()

    def visit() -> None:
        while not done.is_set():
            store.append(new_event(subjects[0]), PERMIT)

    visitor = threading.Thread(target=visit)
    visitor.start()
    first = copy()
    done.set()
    visitor.join()
    store.close()

    assert first.exit_code == 0, first.output
    assert "run this once more" in first.stdout
    with pytest.raises(ConfigError, match="not complete: stop whatever serves"):
        open_store(target).start()
    assert "complete" in copy().stdout
    assert held(target) == held(source)


INTERRUPTED = """
import os, signal, sys
from gatekeeper.store import copies
copies.BATCH = 5
write, written = copies.Target.write, []
def then_die(self, table, rows):
    done = write(self, table, rows)
    written.append(table.name)
    if len(written) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return done
copies.Target.write = then_die
from gatekeeper.cli import main
main(["store", "copy", "--to", sys.argv[1]])
"""


@pytest.mark.parametrize("batches", [1, 4, 7])
def test_an_interrupted_copy_is_made_good_by_the_next(copy: Run, source: str, target: str, batches: int) -> None:
    fill(source, visitors=12)
    killed = subprocess.run([sys.executable, "-c", INTERRUPTED, target, str(batches)], capture_output=True)
    assert killed.returncode == -9
    with pytest.raises(ConfigError, match="not complete"):
        open_store(target).start()

    result = copy()

    assert result.exit_code == 0, result.output
    assert held(target) == held(source)


def test_a_target_with_other_data_is_refused(copy: Run, source: str, target: str) -> None:
    fill(source)
    migrate(target)
    fill(target)
    before = held(target)

    for words in ([], ["--dry-run"]):
        result = copy(*words)
        assert result.exit_code == 1
        assert "name an empty database" in result.stderr
    assert held(target) == before


def test_a_copy_that_has_been_used_is_not_overwritten(copy: Run, source: str, target: str) -> None:
    fill(source)
    copy()
    with closing(open_store(target, clock=lambda: NOW)) as store:
        store.publish(new_notice(2))
    before = held(target)

    result = copy()

    assert result.exit_code == 1
    assert "has been in use" in result.stderr
    assert held(target) == before


def test_a_copy_of_another_database_is_refused(copy: Run, source: str, target: str, tmp_path: Path) -> None:
    fill(source)
    copy()
    (tmp_path / "gatekeeper.db").rename(tmp_path / "old.db")
    migrate(source)
    fill(source)

    assert "is of another database" in copy().stderr


def test_a_rehearsal_writes_nothing_on_either_side(copy: Run, source: str, target: str) -> None:
    fill(source)
    before = held(source)

    result = copy("--dry-run")

    assert result.exit_code == 0, result.output
    assert "nothing was written" in result.stdout
    assert "fresh_events" in result.stdout
    assert find_engine(target).is_new()
    assert held(source) == before
    with closing(find_engine(source).connect()) as connection:
        assert copies.known_name(connection) is None


def test_a_difference_is_found(source: str, target: str, copy: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(source)
    write = copies.Target.write

    def write_badly(self: copies.Target, table: Table, rows: list[tuple[object, ...]]) -> int:
        return write(self, table, [(*row[:-1], row[-1] + 1) if table.name == "totals" else row for row in rows])

    monkeypatch.setattr(copies.Target, "write", write_badly)

    result = copy()

    assert result.exit_code == 1
    assert "table totals has 1 rows with checksum" in result.stderr


def test_two_do_not_copy_at_once(source: str, target: str, copy: Run) -> None:
    fill(source)
    copy()
    engine = find_engine(target)
    with closing(find_engine(source).connect()) as connection:
        name = copies.known_name(connection)

    with closing(copies.Target(engine, name)):  # type: ignore[arg-type]
        assert "another process copies" in copy().stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--to", "sqlite:////tmp/x.db"], "--to names a SQLite file"),
        (["--to", "postgresql://u:hunter2@127.0.0.1:1/gk"], "cannot be reached"),
    ],
)
def test_what_cannot_be_a_target_is_refused(source: str, words: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["store", "copy", *words])

    assert result.exit_code == 1
    assert message in result.stderr
    assert "hunter2" not in result.output
