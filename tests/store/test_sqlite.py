"""The store on SQLite: where its files are, who may read them, who may write."""

import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gatekeeper.core.decisions import Status
from gatekeeper.core.errors import ConfigError, StoreLocked
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import migrate, open_store
from gatekeeper.store.keeper import Keeper
from gatekeeper.store.locks import WriterLock
from tests.files import content

from .conftest import OpenStore
from .things import FIELDS, NOW, PERMIT, SITE, new_event, new_notice, new_record, took


@pytest.fixture
def url(tmp_path: Path) -> str:
    address = f"sqlite:///{tmp_path}/gatekeeper.db"
    migrate(address)
    return address


@pytest.fixture
def database(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


# Addresses


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://user:hunter2@db/gk", "'mysql' are not supported: write sqlite:///"),
        ("postgresql://user:hunter2@db", "must name a database"),
        ("postgresql://user:hunter2@db:port/gk", "not the address of a database"),
        ("postgresql://user:hunter2@db/gk?sslmod=require", 'invalid connection option "sslmod"'),
        ("mysql+pymysql://user:hunter2@db/gk", "'mysql\\+pymysql' are not supported"),
        ("gatekeeper.db", "not the address of a database: write sqlite:///"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite:////tmp/x.db?mode=ro", "no options"),
    ],
)
def test_an_address_that_cannot_be_served_is_refused_with_what_can(url: str, message: str) -> None:
    for use in (open_store, migrate):
        with pytest.raises(ConfigError, match=message) as raised:
            use(url)
        assert "hunter2" not in str(raised.value)


def test_a_missing_directory_is_named_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"mkdir -p {tmp_path}/var"):
        open_store(f"sqlite:///{tmp_path}/var/gatekeeper.db")


def test_a_directory_in_place_of_the_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a file"):
        open_store(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be looked at as one " * 100)

    for use in (migrate, lambda url: open_store(url).notices(SITE)):
        with pytest.raises(ConfigError, match=r"notes\.txt is not a Gatekeeper database"):
            use(f"sqlite:///{tmp_path}/notes.txt")


# Files


def modes(directory: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()}


def test_no_file_can_be_read_by_others(database: Path, serving: Store) -> None:
    serving.publish(new_notice())

    assert modes(database.parent) == dict.fromkeys(
        [
            "gatekeeper.db",
            "gatekeeper.db-wal",
            "gatekeeper.db-shm",
            "gatekeeper.db.lock",
            "gatekeeper.db.writer.lock",
        ],
        0o600,
    )


def test_the_database_is_private_from_the_moment_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatekeeper.store.sqlite.make_private", lambda path: None)

    migrate(f"sqlite:///{tmp_path}/new.db")

    assert set(modes(tmp_path).values()) == {0o600}


def test_files_that_others_could_read_are_taken_away_from_them(database: Path, open_another: OpenStore) -> None:
    with sqlite3.connect(database) as other:
        other.execute("UPDATE heartbeat SET at = 1")
        for file in database.parent.iterdir():
            file.chmod(0o644)

        open_another(started=True)

        assert set(modes(database.parent).values()) == {0o600}
    other.close()


def test_closing_leaves_one_whole_file(database: Path, serving: Store) -> None:
    serving.publish(new_notice())

    serving.close()

    assert not database.with_name("gatekeeper.db-wal").exists()
    with sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True) as alone:
        assert alone.execute("SELECT count(*) FROM notices").fetchone() == (1,)
        assert alone.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    alone.close()


def test_each_connection_has_the_settings_that_the_promises_need(store: Keeper) -> None:
    store.check()

    with store._connections.use() as connection:
        settings = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        }

    assert settings == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}


# Who may write

SERVE = """
import sys
from gatekeeper.store.engines import open_store
store = open_store(sys.argv[1])
store.start()
store.check()
print("serving", flush=True)
sys.stdin.read()
"""


def test_a_second_serving_process_is_refused_with_both_ways_out(url: str, open_another: OpenStore) -> None:
    first = subprocess.Popen([sys.executable, "-c", SERVE, url], stdin=-1, stdout=-1)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == b"serving\n"

        with pytest.raises(StoreLocked) as raised:
            open_another(started=True)
    finally:
        first.kill()
        first.communicate()

    assert "granian with --workers 1" in str(raised.value)
    assert "GATEKEEPER_DATABASE_URL" in str(raised.value)
    open_another(started=True).check()


def test_a_second_store_of_the_same_process_is_refused_also_by_another_name(url: str, serving: Store) -> None:
    database = Path(url.removeprefix("sqlite:///"))
    link = database.with_name("link.db")
    link.symlink_to(database)

    with pytest.raises(StoreLocked):
        open_store(f"sqlite:///{link}").start()
    serving.check()


def test_a_start_that_fails_leaves_the_way_free(url: str) -> None:
    database = Path(url.removeprefix("sqlite:///"))
    database.unlink()

    for _ in range(2):
        with pytest.raises(ConfigError, match="does not exist yet: run `gatekeeper serve` or `gatekeeper upgrade`"):
            open_store(url).start()


def test_a_command_writes_beside_a_serving_process(serving: Store, command: Store) -> None:
    serving.check()

    command.publish(new_notice())

    assert serving.notices(SITE) == [new_notice()]
    serving.check()


def test_the_writers_lock_is_of_one_process(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "gatekeeper.db")
    again = "import sys, pathlib; from gatekeeper.store.locks import WriterLock; "
    again += "print(WriterLock(pathlib.Path(sys.argv[1])).take())"

    def ask() -> bytes:
        return subprocess.check_output([sys.executable, "-c", again, str(tmp_path / "gatekeeper.db")])

    assert lock.take()
    assert lock.take()
    assert ask() == b"False\n"
    lock.release()
    assert ask() == b"True\n"


# Erasure


def bytes_of(directory: Path) -> bytes:
    return content(directory.iterdir())


def key_of(database: Path, subject: bytes) -> bytes | None:
    with sqlite3.connect(database) as reader:
        row = reader.execute("SELECT key FROM subjects WHERE subject = ?", (subject,)).fetchone()
    reader.close()
    return row[0]


def test_nothing_that_an_event_says_stands_in_any_file(database: Path, store: Store) -> None:
    record = new_record()
    store.record(record)
    for _ in range(30):
        store.append(new_event(record.subject), PERMIT)

    held = bytes_of(database.parent)

    assert record.subject in held, "what is in clear is found, so the search works"
    for said in FIELDS.values():
        assert said.encode() not in held
    assert b"analytics" not in held


def test_after_an_erasure_the_key_is_in_no_file(database: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatekeeper.store.writer.SCRUB_AFTER", 0.05)
    record, bystander = new_record(), new_record()
    for each in (record, bystander):
        store.record(each)
        store.append(new_event(each.subject), PERMIT)
    key, other = key_of(database, record.subject), key_of(database, bystander.subject)
    assert key is not None
    assert other is not None
    assert key in bytes_of(database.parent)

    store.block(SITE, record.subject, Status.ERASED, at=NOW)

    deadline = time.monotonic() + 10
    while key in bytes_of(database.parent):
        assert time.monotonic() < deadline, "the write-ahead log was not emptied"
        time.sleep(0.01)
    assert key_of(database, record.subject) is None
    assert store.events(SITE, record.subject) == []
    assert other in bytes_of(database.parent), "the bystander's key is still found, so the search works"
    assert len(store.events(SITE, bystander.subject)) == 1


def test_a_reader_in_the_way_only_delays_that(database: Path, serving: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatekeeper.store.writer.SCRUB_AFTER", 0.01)
    monkeypatch.setattr("gatekeeper.store.writer.SCRUB_AGAIN", 0.05)
    record = new_record()
    serving.record(record)
    key = key_of(database, record.subject)
    assert key is not None
    reader = sqlite3.connect(database, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM records").fetchone()

    serving.block(SITE, record.subject, Status.ERASED, at=NOW)
    serving.append(new_event(record.subject), PERMIT)
    assert key in bytes_of(database.parent), "the reader still holds on to the past"
    reader.execute("COMMIT")
    reader.close()

    deadline = time.monotonic() + 10
    while key in bytes_of(database.parent):
        assert time.monotonic() < deadline, "the write-ahead log was not emptied"
        time.sleep(0.01)


def test_an_erasure_by_a_command_reaches_the_serving_process(serving: Store, command: Store) -> None:
    record = new_record()
    serving.record(record)
    serving.append(new_event(record.subject), PERMIT)

    command.block(SITE, record.subject, Status.ERASED, at=NOW)
    serving.append(new_event(record.subject), PERMIT)

    assert serving.events(SITE, record.subject) == []


# Reading


def test_reading_waits_for_no_writer(database: Path, serving: Store) -> None:
    record = new_record()
    serving.record(record)
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    started = time.monotonic()
    found = serving.records(SITE, record.subject)

    assert found == [record]
    assert took(started) < 0.25
    holder.execute("ROLLBACK")
    holder.close()


def test_many_threads_may_read_and_write_at_once(store: Store) -> None:
    record = new_record()
    store.record(record)
    errors = []

    def visit() -> None:
        try:
            for _ in range(10):
                store.append(new_event(record.subject), PERMIT)
                store.events(SITE, record.subject)
        except Exception as error:
            errors.append(error)

    visitors = [threading.Thread(target=visit) for _ in range(12)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()

    assert errors == []
    assert len(store.events(SITE, record.subject)) == 120
    assert len(list(Path("/proc/self/fd").iterdir())) < 100, "connections do not pile up"
